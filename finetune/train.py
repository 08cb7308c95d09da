"""LoRA training with trl: `inkling finetune train`. Resumable; on two cores 9,690 examples take an hour and a half.

The loss is taken on what the assistant says alone, on any base whose tokenizer has the ChatML marks (SmolLM2, Qwen). A larger
base wants a GPU; only the embedded one was trained here.
"""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model_state_dict, load_peft_weights
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    PrinterCallback,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from agent.weights import TEMPLATE, adapter_hash, cpu_dtype
from finetune.pace import Pace
from finetune.packing import IGNORED, Encoded, batches, encode, specifications

BASE_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
RANK = 16
BATCH_TOKENS = 1_024
TRAINING = "training.json"
"""Beside an adapter: how it was trained. The same of each adapter HASH that it went on from is in `training-HASH.json`."""


def train(
    data: Path,
    base: Path | str,
    out: Path,
    seed: int = 7,
    epochs: int = 1,
    learning_rate: float = 1e-3,
    start: Path | None = None,
    keep: float = 0.0,
    name: str = BASE_NAME,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Train an adapter for the model `base` (a folder, or a name on the Hugging Face hub) on the dialogues of `data` (JSON Lines)
    and save it in `out`; `name` is what the adapter calls its base. On a GPU where there is one.

    `start` is an adapter to go on from instead of a fresh one, e.g. the shipped one with new lines or feedback. What is saved is
    then the mean of its weights, with the share `keep`, and the trained ones: what was learned before is forgotten less
    (WiSE-FT: Wortsman et al. 2022, arXiv 2109.01903).
    A run that was stopped goes on from its last checkpoint in `out/checkpoints`; one that was finished is saved again, e.g. with
    another `keep`. Returns the summary that is saved beside the adapter as `training.json`, with those of all rounds before it:
    loss, steps, tokens; loss and seconds are those since the run was last started.
    Raises OSError when the base or the data cannot be read, ValueError for a `keep` without `start` or outside of [0, 1).
    """
    if not 0 <= keep < 1 or (keep and not start):
        raise ValueError(f"keep is {keep:g}: it must be in [0, 1), and above 0 only with an adapter to go on from")
    tokenizer = AutoTokenizer.from_pretrained(base)
    tokenizer.chat_template = TEMPLATE.read_text(encoding="utf-8")
    rows = [json.loads(line) for line in data.read_text(encoding="utf-8").splitlines()]
    dialogues = [encode(row["messages"], specifications(row["role"]) if row["role"] else None, tokenizer) for row in rows]
    made = batches(dialogues, BATCH_TOKENS, seed)
    checkpoints = out / "checkpoints"
    on_gpu = torch.cuda.is_available()
    has_bfloat16 = torch.cuda.is_bf16_supported() if on_gpu else cpu_dtype() == "bfloat16"
    dtype = torch.bfloat16 if has_bfloat16 else torch.float32  # emulated on a CPU, bfloat16 takes seven times as long
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype=dtype)
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
            disable_tqdm=True,
            use_cpu=not on_gpu,
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
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Pace(trainer, progress))
    result = trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*")))
    if start and keep:
        _mix(trainer.model, start, keep)
    _save(trainer.model, out, name)
    finished = json.loads((out / TRAINING).read_text()) if not trainer.tokens and (out / TRAINING).exists() else {}
    learned = sum(label != IGNORED for dialogue in dialogues for label in dialogue.labels)
    summary = {
        "seed": seed,
        "dialogues": len(dialogues),
        "tokens": sum(len(dialogue.ids) for dialogue in dialogues),
        "learned_tokens": learned,
        "epochs": epochs,
        "learning_rate": learning_rate,
        "from": adapter_hash(start) if start else None,
        "keep": keep,
        "steps": result.global_step,
        "loss": finished.get("loss", round(result.training_loss, 4)),
        "seconds": finished.get("seconds", round(result.metrics["train_runtime"])),
        "log": [{"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry],
    }
    (out / TRAINING).write_text(json.dumps(summary, indent=1) + "\n")
    for record in start.glob("training*.json") if start else ():
        shutil.copyfile(record, out / (f"training-{summary['from']}.json" if record.name == TRAINING else record.name))
    return summary


def _mix(model: Any, start: Path, keep: float) -> None:
    """Move the trained weights back towards those of the adapter `start`, by the share `keep` of the way.

    Both factors of each layer are averaged instead of their product: after one round from the same start the two means differ
    by half a percent.
    """
    before = load_peft_weights(str(start), device=str(model.device))
    with torch.no_grad():
        for name, trained in get_peft_model_state_dict(model, save_embedding_layers=False).items():
            trained.lerp_(before[name].to(trained), keep)


def _save(model: Any, out: Path, base: str) -> None:
    """The adapter alone, in bfloat16, naming its base by the name that is known everywhere."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.bfloat16)
    model.peft_config["default"].base_model_name_or_path = base
    model.save_pretrained(out, save_embedding_layers=False)  # no layer of the base was trained; to find out peft asks the hub


class PrefixTrainer(SFTTrainer):
    """trl's trainer over batches that share a prefix: the prefix runs once, the loss is taken where there is a label.

    `tokens` counts those of the dialogues run since the trainer was made, without prefix and padding.
    """

    tokens = 0

    def compute_loss(
        self, model: Any, inputs: dict[str, torch.Tensor], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> torch.Tensor:
        self.tokens += int(inputs["attention_mask"][:, inputs["prefix"].shape[1] :].sum())
        return self.loss(model.get_base_model(), inputs)

    @staticmethod
    def loss(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        """Mean negative log-likelihood of the labels.

        Shapes: prefix (1, p), input_ids and labels (b, n), attention_mask (b, p + n).
        """
        ids, labels, length = inputs["input_ids"], inputs["labels"], inputs["prefix"].shape[1]
        cache = DynamicCache(config=model.config)
        model.model(input_ids=inputs["prefix"], past_key_values=cache, use_cache=True)
        cache.batch_repeat_interleave(len(ids))
        positions = torch.arange(length, length + ids.shape[1], device=ids.device).expand(ids.shape)
        hidden = model.model(
            input_ids=ids, attention_mask=inputs["attention_mask"], position_ids=positions, past_key_values=cache, use_cache=True
        ).last_hidden_state
        targets = labels[:, 1:]
        learned = targets != IGNORED
        logits = model.lm_head(hidden[:, :-1][learned]).float()
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
