import type {
  CreatedToken,
  Event,
  Limits,
  NewToken,
  PolicyPreview,
  Profile,
  Scope,
  Token,
  TokenPolicy,
  TokenUpdate,
  Whoami,
} from '../api/client';
import type { FieldError } from '../api/failure';
import type { components } from '../api/schema';
import { administer } from './admin';
import { LIMITS, OPEN, SCOPES, token } from './sample';

/** What a browser throws when no answer comes. */
export const unreachable = () => new TypeError('Failed to fetch');

/** One call as it arrived. */
export interface Call {
  route: string;
  id: string;
  query: string;
  authorization: string;
  body: unknown;
}

type TokenRotation = components['schemas']['TokenRotation'];
type Perform = () => Promise<Response>;
type Handler = (perform: Perform, request: Request) => Response | Promise<Response>;

/**
 * The API in memory, with the contract's shapes, statuses and problem documents.
 * It answers as the real one does as far as a page can tell; a test says what
 * becomes of the next call of a route, for example 'POST /tokens/{id}/rotate'.
 */
export class FakeServer {
  tokens: Token[];
  scopes: Scope[] = SCOPES;
  limits: Limits = LIMITS;
  me: Whoami = {
    sub: 'alice',
    kind: 'person',
    name: 'Alice',
    scopes: ['profile', 'notes:read'],
    groups: ['users'],
    expires_at: '2026-11-24T12:00:00Z',
  };
  policy: TokenPolicy = OPEN;
  /** What any policy would stop. */
  preview: PolicyPreview = { tokens: 0, people: 0, complete: true };
  people: Profile[] = [];
  events: Event[] = [];
  /** The session's access token that is good now. */
  session = 'session-1';
  /** Tokens of a page of the list, whatever was asked for. */
  pageSize = 100;
  readonly calls: Call[] = [];
  /** Every value that it ever gave away. */
  readonly values: string[] = [];
  readonly #next = new Map<string, Handler[]>();

  constructor(tokens: Token[] = []) {
    this.tokens = tokens;
  }

  /** Answers in the place of the browser's fetch. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const id = /^(?:\/admin)?\/tokens\/([0-9A-Za-z]{10})(\/|$)/.exec(url.pathname)?.[1] ?? '';
    const route = `${request.method} ${id === '' ? url.pathname : url.pathname.replace(id, '{id}')}`;
    const text = await request.clone().text();
    const call: Call = {
      route,
      id,
      query: url.search,
      authorization: request.headers.get('Authorization') ?? '',
      body: text === '' ? undefined : JSON.parse(text),
    };
    this.calls.push(call);
    const handle = this.#next.get(route)?.shift() ?? ((perform: Perform) => perform());
    if (request.signal.aborted) throw request.signal.reason;
    const aborted = new Promise<never>((_, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason));
    });
    return Promise.race([handle(async () => this.#perform(call, url.searchParams), request), aborted]);
  };

  /** The calls of a route so far. */
  callsOf(route: string): Call[] {
    return this.calls.filter((c) => c.route === route);
  }

  /** The next call of a route is handled so. Calls after it are answered as always. */
  next(route: string, handler: Handler): void {
    this.#next.set(route, [...(this.#next.get(route) ?? []), handler]);
  }

  /** The next call of a route is refused, so many times. */
  refuse(route: string, status: number, code: string, more: object = {}, times = 1): void {
    for (let i = 0; i < times; i++) this.next(route, () => problem(status, code, more));
  }

  /** The next call of a route is done, and its answer is lost. */
  lose(route: string): void {
    this.next(route, async (perform) => {
      await perform();
      throw unreachable();
    });
  }

  /** The next call of a route does not arrive, so many times. */
  cutOff(route: string, times = 1): void {
    for (let i = 0; i < times; i++) this.next(route, () => Promise.reject(unreachable()));
  }

  /** The next call of a route is done when the test says so. */
  hold(route: string): () => void {
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    this.next(route, async (perform) => {
      await released;
      return perform();
    });
    return release;
  }

  #perform(call: Call, query: URLSearchParams): Response {
    if (call.authorization !== `Bearer ${this.session}`) return problem(401, 'unauthorized');
    switch (call.route) {
      case 'GET /whoami':
        return answer(200, this.me);
      case 'GET /limits':
        return answer(200, { ...this.limits, may_administer: this.me.groups.includes('admins') });
      case 'GET /scopes':
        return answer(200, { scopes: this.scopes });
      case 'GET /tokens':
        return this.page('tokens', this.tokens, query);
      case 'POST /tokens':
        return this.#create(call.body as NewToken);
    }
    if (call.route.includes(' /admin/')) {
      if (!this.me.groups.includes('admins')) return problem(403, 'forbidden');
      return administer(this, call, query);
    }
    const there = this.tokens.find((t) => t.id === call.id);
    if (!there) return problem(404, 'not_found');
    switch (call.route) {
      case 'GET /tokens/{id}':
        return answer(200, there);
      case 'PATCH /tokens/{id}':
        return this.#update(there, call.body as TokenUpdate);
      case 'POST /tokens/{id}/rotate':
        return this.#rotate(there, call.body as TokenRotation);
      case 'DELETE /tokens/{id}':
        return this.revoke(there.id);
      case 'GET /tokens/{id}/trail':
        return this.page(
          'events',
          this.events.filter((e) => e.data.token_id === call.id),
          query,
        );
    }
    return problem(404, 'not_found');
  }

  /** One page of what there is. */
  page(name: string, all: readonly unknown[], query: URLSearchParams): Response {
    const from = Number(query.get('cursor') ?? 0);
    const page = all.slice(from, from + this.pageSize);
    const next = from + this.pageSize < all.length ? { next_cursor: String(from + this.pageSize) } : {};
    return answer(200, { [name]: page, ...next });
  }

  revoke(id: string): Response {
    const there = this.tokens.find((t) => t.id === id);
    if (!there) return problem(404, 'not_found');
    this.#put({ ...there, status: 'revoked', revoked_at: now() });
    return new Response(null, { status: 204 });
  }

  #create(body: NewToken): Response {
    const errors: FieldError[] = [];
    if (body.name === '') errors.push({ field: 'name', message: 'is empty' });
    if (body.scopes.length === 0) errors.push({ field: 'scopes', message: 'is empty' });
    if (errors.length > 0) return problem(400, 'invalid_request', { errors });
    if (this.#taken(body.name)) return problem(409, 'name_taken');
    const { id, value } = this.#mint();
    const made = token({
      id,
      name: body.name,
      description: body.description ?? '',
      scopes: body.scopes,
      expires_at: body.expires_at ?? null,
      allowed_cidrs: body.allowed_cidrs ?? [],
      created_at: now(),
    });
    this.tokens = [made, ...this.tokens];
    return answer(201, { ...made, token: value } satisfies CreatedToken);
  }

  #update(there: Token, body: TokenUpdate): Response {
    if (body.scopes?.some((s) => !there.scopes.includes(s))) {
      return problem(400, 'invalid_request', { errors: [{ field: 'scopes', message: 'can only shrink' }] });
    }
    if (there.status === 'revoked' || there.status === 'expired') return problem(409, 'token_not_active');
    if (body.name !== undefined && this.#taken(body.name, there.id)) return problem(409, 'name_taken');
    const ends = body.expires_at === undefined ? {} : { effective_expires_at: body.expires_at };
    return answer(200, this.#put({ ...there, ...body, ...ends }));
  }

  #rotate(there: Token, { grace_seconds = 0, keep_previous = false }: TokenRotation): Response {
    if (there.status !== 'active') return problem(409, 'token_not_active');
    if (keep_previous && there.previous_valid_until === null) return problem(409, 'conflict');
    const until = grace_seconds > 0 ? new Date(Date.now() + grace_seconds * 1000).toISOString() : null;
    const rotated = this.#put({
      ...there,
      rotated_at: now(),
      previous_valid_until: keep_previous ? there.previous_valid_until : until,
    });
    return answer(200, { ...rotated, token: this.#mint(there.id).value } satisfies CreatedToken);
  }

  #put(changed: Token): Token {
    this.tokens = this.tokens.map((t) => (t.id === changed.id ? changed : t));
    return changed;
  }

  #taken(name: string, by = ''): boolean {
    const same = name.normalize('NFC').toLowerCase();
    return this.tokens.some(
      (t) => t.id !== by && t.status !== 'revoked' && t.name.normalize('NFC').toLowerCase() === same,
    );
  }

  /** A value of the right shape; its checksum is nobody's here. */
  #mint(id = `4gT2aN${String(this.values.length).padStart(4, '0')}`): { id: string; value: string } {
    const value = `cfoil_${id}${`s${this.values.length}ecretOfNobody`.padEnd(36, 'Q')}chkSUM`;
    this.values.push(value);
    return { id, value };
  }
}

function now(): string {
  return new Date().toISOString().replace(/\.\d{3}Z$/, 'Z');
}

export function answer(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', 'X-Request-Id': 'request-1' },
  });
}

/** A problem document (RFC 9457), as the API writes it. */
export function problem(status: number, code: string, more: object = {}): Response {
  const body = { type: `urn:counterfoil:${code}`, title: code.replaceAll('_', ' '), status, code, ...more };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'X-Request-Id': 'request-1' },
  });
}
