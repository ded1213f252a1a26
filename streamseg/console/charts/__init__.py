"""Charts as Vega-Lite specs, and the same drawn as SVG and PNG."""
