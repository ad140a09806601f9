import type { Page } from 'playwright-core';
import { TOKENS } from './world';

const DAY = 24 * 3600 * 1000;

/** Tokens in every standing: a server cannot make one that expired yesterday. */
export function many(now: number) {
  const at = (days: number) => new Date(now + days * DAY).toISOString().replace(/\.\d{3}Z/, 'Z');
  const token = (n: number, name: string, more: object) => ({
    id: `4gT2a0000${n.toString(36).toUpperCase()}`,
    name,
    description: '',
    owner: 'alice',
    scopes: ['notes:read'],
    hint: `cfoil_4gT2a0000${n.toString(36).toUpperCase()}…`,
    status: 'active',
    created_at: at(-40 - n),
    expires_at: null,
    effective_expires_at: null,
    rotated_at: null,
    previous_valid_until: null,
    last_used_at: at(-0.1 * (n + 1)),
    last_used_ip: '198.51.100.7',
    revoked_at: null,
    allowed_cidrs: [],
    scopes_used: [],
    ...more,
  });
  const ends = (days: number) => ({ expires_at: at(days), effective_expires_at: at(days) });
  return [
    token(1, 'nightly build', {
      description: 'Runs at two in the morning; its value is in the build server’s secrets.',
    }),
    token(2, 'release pipeline', { scopes: ['notes:read', 'notes:write', 'profile', 'credentials'], ...ends(5.2) }),
    token(3, 'laptop', {
      ...ends(76),
      allowed_cidrs: ['192.0.2.0/24', '2001:db8::/32'],
      rotated_at: at(-1),
      previous_valid_until: at(0.9),
    }),
    token(4, 'old importer', { last_used_at: at(-130), created_at: at(-300) }),
    token(5, 'never tried', { last_used_at: null, last_used_ip: null, created_at: at(-2) }),
    token(6, 'intern’s script', { status: 'disabled', created_at: at(-200) }),
    token(7, 'spring campaign', { status: 'expired', ...ends(-3) }),
    token(8, 'leaked in a log', { status: 'revoked', revoked_at: at(-1.5) }),
    token(9, 'limited by policy', { expires_at: null, effective_expires_at: at(12.5) }),
  ];
}

/** What happened to one of them: two jobs went on with it long after it was deleted. */
function trail(now: number) {
  const event = (n: number, type: string, minutes: number, data: object) => ({
    specversion: '1.0',
    id: `event-${n}`,
    source: 'http://api.test',
    type: `counterfoil.token.${type}`,
    time: new Date(now - minutes * 60_000).toISOString().replace(/\.\d{3}Z/, 'Z'),
    datacontenttype: 'application/json',
    data: {
      token_id: '4gT2a00008',
      owner: 'alice',
      ip: '198.51.100.7',
      request_id: `7d1f6a8e-0b55-4c0e-9d6e-${String(n).padStart(12, '0')}`,
      ...data,
    },
  });
  const person = { by: { kind: 'person', sub: 'alice' } };
  const refused = (reason: string, ip: string) => ({ by: { kind: 'holder' }, reason, ip });
  return [
    ...Array.from({ length: 42 }, (_, i) =>
      event(i, 'refused', 5 * i, refused('revoked', i % 8 === 3 ? '2001:db8:85a3::8a2e:370:7334' : '198.51.100.7')),
    ),
    event(42, 'revoked', 300, person),
    event(43, 'refused', 400, refused('network', '203.0.113.9')),
    event(44, 'created', 5000, person),
  ];
}

/** Answers the API's reading routes with them. */
export async function serveMany(page: Page): Promise<() => Promise<void>> {
  const tokens = many(Date.now());
  const one = /\/tokens\/4gT2a0000\w(\?.*)?$/;
  const undoTrail = await serveTrail(page);
  await page.route(TOKENS, (route) =>
    route.request().method() === 'GET' && route.request().resourceType() === 'fetch'
      ? route.fulfill({ json: { tokens } })
      : route.fallback(),
  );
  await page.route(one, (route) => {
    const found = tokens.find((t) => route.request().url().includes(t.id));
    return route.request().method() === 'GET' && route.request().resourceType() === 'fetch' && found
      ? route.fulfill({ json: found })
      : route.fallback();
  });
  return async () => {
    await page.unroute(TOKENS);
    await page.unroute(one);
    await undoTrail();
  };
}

/** Answers for every trail with one that is full of refusals. */
export async function serveTrail(page: Page): Promise<() => Promise<void>> {
  const trails = /\/(tokens\/\w+|admin)\/trail(\?.*)?$/;
  const events = trail(Date.now());
  await page.route(trails, (route) =>
    route.request().resourceType() === 'fetch' ? route.fulfill({ json: { events } }) : route.fallback(),
  );
  return () => page.unroute(trails);
}
