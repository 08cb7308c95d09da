"""Fine-tuning: dialogues and profiles from real events, LoRA training, the shipped adapters."""
