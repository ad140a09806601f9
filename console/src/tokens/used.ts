import type { Token } from '../api/client';

/** The permissions of a token that it was really used for. */
export function usedOf(token: Token): string[] {
  return token.scopes.filter((scope) => token.scopes_used.includes(scope));
}

/** Reports whether it was used, and could lose permissions that it was never used for. */
export function canShrink(token: Token): boolean {
  const used = usedOf(token).length;
  return used > 0 && used < token.scopes.length;
}
