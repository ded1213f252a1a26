"""Edge serve: HTTP only here. Lookups, ad fragments, OpenFeature, event streams, events in."""
