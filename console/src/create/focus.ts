import { FIELDS, type Mistakes } from '../tokens/draft';

/** Takes the person to the first field that something is wrong with. */
export function focusFirst(mistakes: Mistakes): void {
  const field = FIELDS.find((f) => mistakes[f]);
  if (!field) return;
  // After the messages are drawn, and what was folded is open.
  requestAnimationFrame(() => {
    const control = document.querySelector<HTMLElement>(
      `[data-field="${field}"] :is(input, textarea, button):not([disabled])`,
    );
    control?.focus();
    control?.scrollIntoView({ block: 'center' });
  });
}
