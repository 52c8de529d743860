"""From a component to cells: synthesis, mapping, place and route."""
