import type { Event, Limits, Profile, Scope, Token, TokenPolicy } from '../api/client';
import { DAY } from '../tokens/standing';

/** When the tests take place: noon in Rome, in winter time. */
export const NOW = Date.parse('2026-11-24T11:00:00Z');

/** A moment so many days from NOW, as the API writes it. */
export function day(days: number, ms = 0): string {
  return new Date(NOW + days * DAY + ms).toISOString().replace('.000Z', 'Z');
}

/** What the policy of the beginning means for everybody. */
export const LIMITS: Limits = {
  may_create: true,
  may_administer: false,
  max_lifetime_days: null,
  default_lifetime_days: null,
  require_expiry: false,
  max_tokens_per_person: 50,
};

let made = 0;

/** A token that works, never ends and was just made; what matters to a test is said there. */
export function token(part: Partial<Token> = {}): Token {
  const id = part.id ?? `4gT2a${String(++made).padStart(5, '0')}`;
  return {
    id,
    name: `token ${id}`,
    description: '',
    owner: 'alice',
    scopes: ['notes:read'],
    hint: `cfoil_${id}…`,
    status: 'active',
    created_at: day(-1),
    expires_at: null,
    // The policy ends it no sooner, where a test does not say so.
    effective_expires_at: part.expires_at ?? null,
    rotated_at: null,
    previous_valid_until: null,
    last_used_at: null,
    last_used_ip: null,
    revoked_at: null,
    allowed_cidrs: [],
    scopes_used: [],
    ...part,
  };
}

export function scope(name: string, part: Partial<Scope> = {}): Scope {
  return { name, description: `Lets ${name}.`, category: 'Notes', sensitive: false, grantable: true, ...part };
}

/** The catalogue of a local server, as somebody sees it who is no administrator. */
export const SCOPES: Scope[] = [
  scope('profile', { category: 'Account' }),
  scope('notes:read'),
  scope('notes:write'),
  scope('credentials', { category: 'Cloud', sensitive: true }),
  scope('introspect', { category: 'Service', sensitive: true, grantable: false }),
];

/** The policy before an administrator says anything. */
export const OPEN: TokenPolicy = {
  max_lifetime_days: null,
  default_lifetime_days: null,
  require_expiry: false,
  max_tokens_per_person: 50,
  creator_groups: null,
  max_idle_days: null,
  max_absence_days: null,
  reauth_seconds: null,
};

export function person(sub: string, part: Partial<Profile> = {}): Profile {
  return { sub, disabled: false, groups: ['users'], tokens_active: 0, last_seen_at: day(-1), ...part };
}

/** An event of a type without its prefix: token.created. */
export function event(type: string, data: Partial<Event['data']> = {}, at = day(-1)): Event {
  return {
    specversion: '1.0',
    id: `event-${++made}`,
    source: 'http://api.test',
    type: `counterfoil.${type}` as Event['type'],
    time: at,
    datacontenttype: 'application/json',
    data: { by: { kind: 'person', sub: 'alice' }, ...data },
  };
}
