"""Groups that people have in mind: their definitions, checked and brought into a form that is quick to evaluate."""
