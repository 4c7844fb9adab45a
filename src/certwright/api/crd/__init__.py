"""CustomResourceDefinitions and admission policies, generated from the types and their rules."""
