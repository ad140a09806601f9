import type { Token } from '../api/client';

/** The address of a form filled in like a token. Its name must be another while that one lives. */
export function duplicateOf(token: Token): string {
  const params = new URLSearchParams({ name: nextName(token.name), scopes: token.scopes.join(' ') });
  if (token.description !== '') params.set('description', token.description);
  if (token.allowed_cidrs.length > 0) params.set('networks', token.allowed_cidrs.join(' '));
  return `/tokens/new?${params}`;
}

/** build → build 2 → build 3, within the 80 characters that a name can have. */
export function nextName(name: string): string {
  const [, stem = name, number] = /^(.*\S) (\d{1,3})$/u.exec(name) ?? [];
  const suffix = ` ${Number(number ?? 1) + 1}`;
  return [...stem].slice(0, 80 - suffix.length).join('') + suffix;
}
