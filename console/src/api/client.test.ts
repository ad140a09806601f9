import { beforeEach, describe, expect, test, vi } from 'vitest';
import { token } from '../testing/sample';
import { FakeServer, problem } from '../testing/server';
import { answer, type Bearer, connect } from './client';
import { Failure } from './failure';

const API = 'http://api.test';
const body = { name: 'ci', scopes: ['notes:read'] };

let server: FakeServer;

/** A person whose next sign-in gives the token that is good then. */
class Person implements Bearer {
  token = 'session-1';
  readonly asked: { refused: string; maxAge?: number }[] = [];
  async accessToken() {
    return this.token;
  }
  async signInAgain(refused: string, maxAge?: number) {
    this.asked.push({ refused, maxAge });
    this.token = server.session;
  }
}

let person: Person;
const api = () => connect(API, person);
const whoami = (signal?: AbortSignal) => answer(api().GET('/whoami', { signal }));
const create = () => answer(api().POST('/tokens', { body }));

/** The Failure that a call ends with. */
async function failure(call: Promise<unknown>): Promise<Failure> {
  const thrown = await call.then(
    () => undefined,
    (t: unknown) => t,
  );
  expect(thrown).toBeInstanceOf(Failure);
  return thrown as Failure;
}

beforeEach(() => {
  server = new FakeServer();
  person = new Person();
  vi.stubGlobal('fetch', server.fetch);
});

describe('a call', () => {
  test('carries the session token, and nothing but the header does', async () => {
    expect(await whoami()).toEqual(server.me);
    expect(server.calls).toHaveLength(1);
    expect(server.calls[0]).toMatchObject({ route: 'GET /whoami', query: '', authorization: 'Bearer session-1' });
  });

  test('is never cached, follows nobody and brings no cookies', async () => {
    const fetching = vi.fn(server.fetch);
    vi.stubGlobal('fetch', fetching);
    await whoami();
    expect(fetching.mock.calls[0]?.slice(1)).toEqual([{ cache: 'no-store', credentials: 'omit', redirect: 'error' }]);
  });

  test('puts an id into the path as one part of it', async () => {
    const there = token();
    server.tokens = [there];
    expect(await answer(api().GET('/tokens/{id}', { params: { path: { id: there.id } } }))).toEqual(there);
    await failure(answer(api().GET('/tokens/{id}', { params: { path: { id: '../whoami?x' } } })));
    expect(server.calls.at(-1)?.route).not.toContain('/whoami');
  });

  test('that answers nothing, as 204 does, is a success', async () => {
    const there = token();
    server.tokens = [there];
    const gone = api().DELETE('/tokens/{id}', { params: { path: { id: there.id } } });
    await expect(answer(gone)).resolves.toBeUndefined();
  });

  test('of somebody who does not sign in fails, and is not sent', async () => {
    person.accessToken = () => Promise.reject(new Failure('session_ended'));
    expect((await failure(whoami())).code).toBe('session_ended');
    expect(server.calls).toHaveLength(0);
  });
});

describe('a refused token', () => {
  test('asks for a sign-in, then the same is sent once more', async () => {
    server.session = 'session-2';
    expect(await create()).toMatchObject({ name: 'ci' });
    expect(person.asked).toEqual([{ refused: 'session-1', maxAge: undefined }]);
    expect(server.calls.map((c) => [c.authorization, c.body])).toEqual([
      ['Bearer session-1', body],
      ['Bearer session-2', body],
    ]);
  });

  test('a second time is a failure: nobody is asked twice for one call', async () => {
    server.refuse('POST /tokens', 401, 'unauthorized', {}, 2);
    expect((await failure(create())).code).toBe('unauthorized');
    expect(person.asked).toHaveLength(1);
    expect(server.calls).toHaveLength(2);
    expect(server.tokens).toHaveLength(0);
  });

  test('fails where the person does not sign in, and is not sent again', async () => {
    server.session = 'session-2';
    person.signInAgain = () => Promise.reject(new Failure('session_ended'));
    expect((await failure(create())).code).toBe('session_ended');
    expect(server.calls).toHaveLength(1);
  });

  test('that is only too old names the age wanted (RFC 9470)', async () => {
    server.refuse('POST /tokens', 401, 'insufficient_user_authentication', { max_age: 300 });
    await create();
    expect(person.asked).toEqual([{ refused: 'session-1', maxAge: 300 }]);
  });

  test('too old still after that is a failure of its own name', async () => {
    server.refuse('POST /tokens', 401, 'insufficient_user_authentication', { max_age: 300 }, 2);
    expect((await failure(create())).code).toBe('insufficient_user_authentication');
  });

  test.each<[string, () => Response]>([
    ['no body', () => new Response(null, { status: 401 })],
    ['a page of HTML', () => new Response('<h1>401</h1>', { status: 401 })],
    ['an age without its code', () => problem(401, 'unauthorized', { max_age: 300 })],
    ['an age that is no number', () => problem(401, 'insufficient_user_authentication', { max_age: '300' })],
    ['null', () => new Response('null', { status: 401 })],
  ])('with %s asks for a plain sign-in', async (_, refusal) => {
    server.next('GET /whoami', refusal);
    expect(await whoami()).toEqual(server.me);
    expect(person.asked).toEqual([{ refused: 'session-1', maxAge: undefined }]);
  });

  test.each([403, 404, 503])('%i is no such refusal', async (status) => {
    server.refuse('GET /whoami', status, 'x');
    await failure(whoami());
    expect(person.asked).toEqual([]);
    expect(server.calls).toHaveLength(1);
  });
});

describe('no answer', () => {
  test('is a failure that says so, and is not tried again by itself', async () => {
    server.cutOff('POST /tokens');
    expect((await failure(create())).code).toBe('no_answer');
    expect(server.calls).toHaveLength(1);
  });

  test('although it was done is the same: the page cannot know', async () => {
    server.lose('POST /tokens');
    expect((await failure(create())).code).toBe('no_answer');
    expect(server.tokens).toHaveLength(1);
  });

  test('is also one whose body is cut off', async () => {
    server.next('POST /tokens', () => cutOffBody('{"id": "4gT2a'));
    expect((await failure(create())).code).toBe('no_answer');
  });

  test('is also one whose body is not what it says', async () => {
    server.next('POST /tokens', () => new Response('{"id": "4gT2a', { status: 201 }));
    expect((await failure(create())).code).toBe('no_answer');
  });

  test('that nobody waits for any more stays an abort, before and after it left', async () => {
    const early = AbortSignal.abort();
    await expect(whoami(early)).rejects.toMatchObject({ name: 'AbortError' });
    const late = new AbortController();
    server.hold('GET /whoami');
    const call = whoami(late.signal);
    await vi.waitFor(() => expect(server.calls.length).toBeGreaterThan(0));
    late.abort();
    await expect(call).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('a refusal', () => {
  test('is a Failure with its code, its words, its fields and its request id', async () => {
    const errors = [{ field: 'name', message: 'is too long' }];
    server.refuse('POST /tokens', 400, 'invalid_request', { detail: 'two things', errors });
    const refused = await failure(create());
    expect(refused).toMatchObject({ code: 'invalid_request', detail: 'two things', requestId: 'request-1' });
    expect(refused.fields).toEqual(errors);
  });

  test('holds nothing that was sent', async () => {
    server.refuse('POST /tokens', 503, 'unavailable');
    const refused = await failure(create());
    expect(JSON.stringify(refused) + refused.stack).not.toMatch(/session-1|Bearer|notes:read/);
  });

  test.each([
    ['HTML', '<html>', 502],
    ['nothing', '', 500],
    ['an array', '[]', 500],
    ['null', 'null', 400],
    ['a code that is no word', '{"code": 5}', 400],
  ])('of %s is unexpected', async (_, text, status) => {
    server.next('POST /tokens', () => new Response(text, { status, headers: { 'X-Request-Id': 'r-9' } }));
    expect(await failure(create())).toMatchObject({ code: 'unexpected', detail: '', fields: [], requestId: 'r-9' });
  });
});

/** An answer that breaks off after its first bytes. */
function cutOffBody(text: string): Response {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      controller.error(new TypeError('network error'));
    },
  });
  return new Response(stream, { status: 201, headers: { 'Content-Type': 'application/json' } });
}
