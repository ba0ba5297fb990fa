"""The tables of datasets, models and tasks, and the plugins that extend them."""
