"""How what is known grows: gaps, answers of stewards that are kept as documents, and answers that are outdated."""
