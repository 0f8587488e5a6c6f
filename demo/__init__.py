"""The example world: real flights, real models, made through the product's own verbs. Never installed in production."""
