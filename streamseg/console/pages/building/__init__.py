"""The builder of audiences, uploaded lists, what an audience was before, and how well look-alikes find."""
