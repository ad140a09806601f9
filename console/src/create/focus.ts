import { useEffect } from 'react';
import { FIELDS } from '../tokens/draft';

/** Takes the person to the first field that something is wrong with, once it is drawn: what was folded is open then. */
export function useFocusFirst(mistakes: object, fields: readonly string[] = FIELDS): void {
  useEffect(() => {
    const field = fields.find((f) => f in mistakes);
    if (!field) return;
    const control = document.querySelector<HTMLElement>(
      `[data-field="${field}"] :is(input, textarea, button):not([disabled])`,
    );
    control?.focus();
    control?.scrollIntoView({ block: 'center' });
  }, [mistakes, fields]);
}
