"""LoRA training with trl: `inkling finetune train`. Resumable; on two cores the shipped adapter takes about an hour."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from agent.weights import adapter_hash
from finetune.packing import IGNORED, Encoded, batches, encode, specifications

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
RANK = 16
BATCH_TOKENS = 1_024


def train(
    data: Path,
    base: Path,
    out: Path,
    seed: int = 7,
    epochs: int = 1,
    learning_rate: float = 1e-3,
    start: Path | None = None,
) -> dict[str, Any]:
    """Train an adapter for the model in the folder `base` on the dialogues of `data` (JSON Lines) and save it in `out`.

    `start` is an adapter to go on from instead of a fresh one, e.g. the shipped one with new lines or feedback.
    A run that was stopped goes on from its last checkpoint in `out/checkpoints`. Returns the summary that is saved beside the
    adapter as `training.json`: loss, steps, tokens, seconds. Raises OSError when a folder or the data cannot be read.
    """
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    dialogues = [encode(row["messages"], specifications(row["role"]) if row["role"] else None, tokenizer) for row in rows]
    made = batches(dialogues, BATCH_TOKENS, seed)
    checkpoints = out / "checkpoints"
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    lora = LoraConfig(r=RANK, lora_alpha=2 * RANK, target_modules="all-linear", task_type="CAUSAL_LM")
    trainer = PrefixTrainer(
        model=PeftModel.from_pretrained(model, start, is_trainable=True) if start else model,
        args=SFTConfig(
            output_dir=str(checkpoints),
            num_train_epochs=epochs,
            per_device_train_batch_size=1,
            learning_rate=learning_rate,
            lr_scheduler_type="cosine",
            warmup_steps=20,
            max_grad_norm=1.0,
            logging_steps=0.02,
            save_steps=0.2,
            save_total_limit=1,
            seed=seed,
            report_to="none",
            use_cpu=not torch.cuda.is_available(),
            bf16=False,
            gradient_checkpointing=False,
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        train_dataset=Dataset.from_list([{"batch": number} for number in range(len(made))]),
        data_collator=lambda rows: collate(made[rows[0]["batch"]], tokenizer.pad_token_id),
        processing_class=tokenizer,
        peft_config=None if start else lora,
    )
    result = trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*")))
    _save(trainer.model, out)
    learned = sum(label != IGNORED for dialogue in dialogues for label in dialogue.labels)
    summary = {
        "seed": seed,
        "dialogues": len(dialogues),
        "tokens": sum(len(dialogue.ids) for dialogue in dialogues),
        "learned_tokens": learned,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "from": adapter_hash(start) if start else None,
        "steps": result.global_step,
        "loss": round(result.training_loss, 4),
        "seconds": round(result.metrics["train_runtime"]),
        "log": [{"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry],
    }
    (out / "training.json").write_text(json.dumps(summary, indent=1) + "\n")
    return summary


def _save(model: Any, out: Path) -> None:
    """The adapter alone, in bfloat16, naming its base by the name that is known everywhere."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    model.peft_config["default"].base_model_name_or_path = BASE_NAME
    model.save_pretrained(out)


class PrefixTrainer(SFTTrainer):
    """trl's trainer over batches that share a prefix: the prefix runs once, the loss is taken where there is a label."""

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        return self.loss(model.get_base_model(), inputs)

    @staticmethod
    def loss(llama: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Mean negative log-likelihood of the labels.

        Shapes: prefix (1, p), input_ids and labels (b, n), attention_mask (b, p + n).
        """
        ids, labels, length = inputs["input_ids"], inputs["labels"], inputs["prefix"].shape[1]
        cache = DynamicCache(config=llama.config)
        llama.model(input_ids=inputs["prefix"], past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(ids))
        positions = torch.arange(length, length + ids.shape[1], device=ids.device).expand(ids.shape)
        hidden = llama.model(
            input_ids=ids, attention_mask=inputs["attention_mask"], position_ids=positions, past_key_values=cache, use_cache=True
        ).last_hidden_state
        targets = labels[:, 1:]
        learned = targets != IGNORED
        logits = llama.lm_head(hidden[:, :-1][learned]).float()
        return torch.nn.functional.cross_entropy(logits, targets[learned])


def collate(batch: Sequence[Encoded], pad: int) -> dict[str, torch.Tensor]:
    """The padded tensors of a batch, in the shapes that `PrefixTrainer.loss` takes."""
    length, prefix = max(len(dialogue.ids) for dialogue in batch), batch[0].prefix

    def padded(values: Sequence[int], fill: int) -> list[int]:
        return [*values, *[fill] * (length - len(values))]

    return {
        "prefix": torch.tensor([prefix]),
        "input_ids": torch.tensor([padded(dialogue.ids, pad) for dialogue in batch]),
        "labels": torch.tensor([padded(dialogue.labels, IGNORED) for dialogue in batch]),
        "attention_mask": torch.tensor([[*[1] * len(prefix), *padded([1] * len(d.ids), 0)] for d in batch]),
    }
