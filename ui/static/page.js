// Runs once for each panel: a click on a button becomes an action, and what was unfolded stays so when the panel changes.
const unfolded = new Set();

element.addEventListener("click", (event) => {
	const button = event.target.closest("[data-act]");
	if (button) trigger("click", { act: button.dataset.act, about: button.dataset.id });
});

element.addEventListener(
	"toggle",
	(event) => {
		const key = event.target.dataset.key;
		if (key === undefined || !event.target.isConnected) return;
		if (event.target.open) unfolded.add(key);
		else unfolded.delete(key);
	},
	true,
);

watch("value", () => {
	for (const details of element.querySelectorAll("details[data-key]")) {
		if (unfolded.has(details.dataset.key)) details.open = true;
	}
});
