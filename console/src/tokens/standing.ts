import type { Token } from '../api/client';

export const DAY = 24 * 60 * 60 * 1000;

/** Days before its end in which a token needs somebody's attention. */
export const SOON_DAYS = 14;
/** Days without use after which a token is one to think about. */
export const UNUSED_DAYS = 90;

/** How a token stands, as a person wants to know it. */
export type Standing =
  | { kind: 'active' }
  /** In so many whole days; 0 is today. */
  | { kind: 'expiring'; days: number }
  | { kind: 'expired' }
  | { kind: 'revoked' }
  /** Stopped, and not for good: by its owner's absence, an administrator, or disuse. */
  | { kind: 'disabled' };

/**
 * Judges a token of a list that may be minutes old: the server's word, and its
 * effective end against the clock.
 */
export function standingOf(token: Token, now: number): Standing {
  if (token.status !== 'active') return { kind: token.status };
  if (token.effective_expires_at === null) return { kind: 'active' };
  const left = Date.parse(token.effective_expires_at) - now;
  if (left <= 0) return { kind: 'expired' };
  if (left <= SOON_DAYS * DAY) return { kind: 'expiring', days: Math.floor(left / DAY) };
  return { kind: 'active' };
}

/** Reports whether a working token was not used for long; one never used counts from its beginning. */
export function isUnused(token: Token, now: number): boolean {
  const { kind } = standingOf(token, now);
  if (kind !== 'active' && kind !== 'expiring') return false;
  return now - Date.parse(token.last_used_at ?? token.created_at) > UNUSED_DAYS * DAY;
}

/** Reports whether the administrators' policy ends a token before its own end. */
export function endsByPolicy(token: Token): boolean {
  return token.effective_expires_at !== token.expires_at;
}

/** Reports whether a token can be changed: one that is dead stays as it is. */
export function isAlive(token: Token, now: number): boolean {
  const { kind } = standingOf(token, now);
  return kind !== 'revoked' && kind !== 'expired';
}
