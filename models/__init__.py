"""What a trained model is, wherever it runs. Imports features and nothing else of this project."""
