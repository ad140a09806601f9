import { useEffect } from 'react';
import { FIELDS, type Mistakes } from '../tokens/draft';

/** Takes the person to the first field that something is wrong with, once it is drawn: what was folded is open then. */
export function useFocusFirst(mistakes: Mistakes): void {
  useEffect(() => {
    const field = FIELDS.find((f) => mistakes[f]);
    if (!field) return;
    const control = document.querySelector<HTMLElement>(
      `[data-field="${field}"] :is(input, textarea, button):not([disabled])`,
    );
    control?.focus();
    control?.scrollIntoView({ block: 'center' });
  }, [mistakes]);
}
