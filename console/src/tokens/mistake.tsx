import type { ReactNode } from 'react';
import type { FieldError } from '../api/failure';
import type { TextKey } from '../texts/en';
import type { Texts } from '../texts/use';

/** What is wrong with a field: a text of ours, or the server's own words. */
export type Mistake = { text: TextKey; values?: Record<string, number | string> } | { words: string };

/** Says what is wrong. The server's words are English, and are said to be. */
export function say({ t, rich }: Texts, mistake: Mistake | undefined): ReactNode {
  if (!mistake) return undefined;
  if ('text' in mistake) return t(mistake.text, mistake.values);
  return rich('mistake.server', { words: <span lang="en">{mistake.words}</span> });
}

/** Sorts a refusal's messages to the fields; those of no field of ours are left over. */
export function sortMistakes<Field extends string>(
  errors: readonly FieldError[],
  fields: readonly Field[],
): { mistakes: Partial<Record<Field, Mistake>>; rest: string[] } {
  const mistakes: Partial<Record<Field, { words: string }>> = {};
  const rest: string[] = [];
  for (const { field, message } of errors) {
    const known = fields.find((f) => f === field);
    if (!known) rest.push(`${field}: ${message}`);
    else {
      const before = mistakes[known];
      mistakes[known] = { words: before ? `${before.words}; ${message}` : message };
    }
  }
  return { mistakes, rest };
}
