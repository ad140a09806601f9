import { ErrorResponse, type User, UserManager, type UserManagerSettings } from 'oidc-client-ts';
import { afterEach, beforeEach, describe, expect, type Mock, test, vi } from 'vitest';
import { Failure } from '../api/failure';
import type { Config } from './config';
import { Session } from './session';

vi.mock(import('oidc-client-ts'), async (original) => ({
  ...(await original()),
  UserManager: vi.fn() as unknown as typeof UserManager,
}));

const ORIGIN = window.location.origin;
const config: Config = { api: 'http://api.test', issuer: 'http://issuer.test', client_id: 'console' };

/** What the session asked of the library, in order; a test says how it answers. */
const manager = {
  signinRedirect: vi.fn(),
  signinRedirectCallback: vi.fn(),
  signinPopup: vi.fn(),
  signinPopupCallback: vi.fn(),
  signinSilent: vi.fn(),
  signoutRedirect: vi.fn(),
  removeUser: vi.fn(),
};
const metadataService = { getRevocationEndpoint: vi.fn() };

function user(part: Partial<User> & { sub?: string } = {}): User {
  const { sub = 'alice', ...rest } = part;
  return { access_token: 'token-1', id_token: 'id-1', expired: false, profile: { sub }, ...rest } as User;
}

/** Stands for the console's other windows. */
class Channel {
  static last: Channel | undefined;
  sent: unknown[] = [];
  onmessage: ((event: { data: unknown }) => void) | null = null;
  constructor() {
    Channel.last = this;
  }
  postMessage(data: unknown) {
    this.sent.push(data);
  }
  hear(data: unknown) {
    this.onmessage?.({ data });
  }
}

beforeEach(() => {
  vi.stubGlobal('BroadcastChannel', Channel);
  vi.mocked(UserManager).mockImplementation(function (this: unknown) {
    return { ...manager, metadataService } as unknown as UserManager;
  });
  for (const call of [...Object.values(manager), metadataService.getRevocationEndpoint])
    call.mockReset().mockResolvedValue(undefined);
});

afterEach(() => {
  window.history.replaceState(null, '', '/');
  vi.unstubAllGlobals();
});

const at = (address: string) => window.history.replaceState(null, '', address);
const here = () => window.location.pathname + window.location.search;

/** A session that has come back from the issuer with this person. */
async function signedIn(who: User = user()): Promise<Session> {
  at('/callback?code=c&state=s');
  manager.signinRedirectCallback.mockResolvedValue(who);
  const session = new Session(config);
  expect(await session.arrive()).toEqual({ kind: 'signed-in' });
  return session;
}

/** How a call ends: done, or the code of its Failure. */
const outcome = (call: Promise<unknown>) =>
  call.then(
    (value) => value ?? 'done',
    (thrown: unknown) => (thrown instanceof Failure ? thrown.code : thrown),
  );

/** Lets every promise that can go on go on. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve));

describe('a session', () => {
  const settings = (of: Config = config): UserManagerSettings => {
    new Session(of);
    return vi.mocked(UserManager).mock.calls.at(-1)?.[0] as UserManagerSettings;
  };

  test('asks for code + PKCE, and comes back to this origin only', () => {
    expect(settings()).toMatchObject({
      authority: 'http://issuer.test',
      client_id: 'console',
      redirect_uri: `${ORIGIN}/callback`,
      post_logout_redirect_uri: `${ORIGIN}/signed-out`,
      scope: 'openid profile',
      automaticSilentRenew: false,
      monitorSession: false,
    });
    expect(settings().client_secret).toBeUndefined();
    expect(settings().disablePKCE).toBeUndefined();
  });

  test('asks for what its configuration says', () => {
    expect(settings({ ...config, scope: 'openid api', resource: 'urn:api' })).toMatchObject({
      scope: 'openid api',
      resource: 'urn:api',
    });
  });

  test('keeps tokens in memory alone', async () => {
    const before = window.localStorage.length + window.sessionStorage.length;
    await settings().userStore?.set('user', 'token-1');
    expect(await settings().userStore?.get('user')).not.toBe('token-1'); // each session has its own
    expect(window.localStorage.length + window.sessionStorage.length).toBe(before);
  });
});

describe('arriving', () => {
  test('at a page asks the issuer without a question, and remembers the page', async () => {
    at('/tokens/new?name=ci&scopes=notes:read');
    expect(await new Session(config).arrive()).toEqual({ kind: 'leaving' });
    expect(manager.signinRedirect).toHaveBeenCalledExactlyOnceWith({
      prompt: 'none',
      state: { path: '/tokens/new?name=ci&scopes=notes:read' },
    });
  });

  test('after signing out stays there, and asks nobody', async () => {
    at('/signed-out');
    expect(await new Session(config).arrive()).toEqual({ kind: 'signed-out' });
    expect(manager.signinRedirect).not.toHaveBeenCalled();
  });

  test('when the issuer cannot be reached fails, for the page to say so', async () => {
    at('/configuration');
    manager.signinRedirect.mockRejectedValue(new TypeError('Failed to fetch'));
    await expect(new Session(config).arrive()).rejects.toThrow('Failed to fetch');
  });

  test('back from the issuer shows the page that was left, without the code in its address', async () => {
    await signedIn(user({ state: { path: '/tokens/4gT2a0001B?do=edit' } }));
    expect(here()).toBe('/tokens/4gT2a0001B?do=edit');
  });

  test.each(['login_required', 'interaction_required', 'consent_required', 'account_selection_required'])(
    'back with %s asks the person to sign in, without an error, at the page they wanted',
    async (error) => {
      at('/callback?error=x&state=s');
      manager.signinRedirectCallback.mockRejectedValue(refusal(error, { path: '/configuration?view=all' }));
      expect(await new Session(config).arrive()).toEqual({ kind: 'ask', error: undefined });
      expect(here()).toBe('/configuration?view=all');
    },
  );

  test('back with another error says which', async () => {
    at('/callback?error=x&state=s');
    manager.signinRedirectCallback.mockRejectedValue(refusal('access_denied', { path: '/configuration' }));
    expect(await new Session(config).arrive()).toEqual({ kind: 'ask', error: 'access_denied' });
    expect(here()).toBe('/configuration');
  });

  test('at a callback of no sign-in of this tab asks, at the first page', async () => {
    at('/callback?code=old&state=old');
    manager.signinRedirectCallback.mockRejectedValue(new Error('No matching state found in storage'));
    expect(await new Session(config).arrive()).toEqual({ kind: 'ask' });
    expect(here()).toBe('/');
  });

  test.each<[string, unknown]>([
    ['another origin', { path: 'https://evil.test/' }],
    ['another origin without its scheme', { path: '//evil.test/' }],
    ['a script', { path: 'javascript:alert(1)' }],
    ['a relative path', { path: 'evil' }],
    ['nothing', undefined],
    ['null', null],
    ['no path', {}],
    ['a backslash', { path: '/\\evil.test/' }],
    ['a number', { path: 5 }],
  ])('with a state of %s stays on this origin', async (_, state) => {
    at('/callback?code=c&state=s');
    manager.signinRedirectCallback.mockResolvedValue(user({ state }));
    expect((await new Session(config).arrive()).kind).not.toBe('leaving');
    expect(window.location.origin).toBe(ORIGIN);
    expect(here()).toBe('/');
  });

  test('in the window of a sign-in again hands over to the page that opened it', async () => {
    at('/callback?code=c&state=abc;popup');
    vi.stubGlobal('opener', {});
    expect(await new Session(config).arrive()).toEqual({ kind: 'leaving' });
    expect(manager.signinPopupCallback).toHaveBeenCalledOnce();
    expect(manager.signinRedirectCallback).not.toHaveBeenCalled();
  });

  test.each([
    ['without an opener', 'abc;popup', null],
    ['with a state that is not a window of ours', 'abc;redirect', {}],
    ['with no state', '', {}],
  ])('%s is no such window', async (_, state, opener) => {
    at(`/callback?code=c&state=${state}`);
    vi.stubGlobal('opener', opener);
    manager.signinRedirectCallback.mockResolvedValue(user());
    expect(await new Session(config).arrive()).toEqual({ kind: 'signed-in' });
    expect(manager.signinPopupCallback).not.toHaveBeenCalled();
  });
});

describe('signing in by a click', () => {
  test('lets the issuer ask, and comes back to this page', async () => {
    at('/configuration?view=all');
    await new Session(config).signIn();
    expect(manager.signinRedirect).toHaveBeenCalledExactlyOnceWith({ state: { path: '/configuration?view=all' } });
  });

  test.each(['/callback?code=used', '/signed-out'])('never comes back to %s', async (address) => {
    at(address);
    await new Session(config).signIn();
    expect(manager.signinRedirect).toHaveBeenCalledExactlyOnceWith({ state: { path: '/' } });
  });
});

describe('the access token', () => {
  test('is the one of the sign-in while it lives', async () => {
    const session = await signedIn();
    expect(await session.accessToken()).toBe('token-1');
    expect(session.lapse).toBeNull();
  });

  test('once over asks the person, and the call waits', async () => {
    const session = await signedIn(user({ expired: true }));
    const heard = vi.fn();
    session.subscribe(heard);
    const call = outcome(session.accessToken());
    await settled();
    expect(session.lapse).toMatchObject({ reason: 'ended' });
    expect(heard).toHaveBeenCalledOnce();

    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-2' }));
    expect(await session.popup()).toBe('done');
    expect(await call).toBe('token-2');
    expect(session.lapse).toBeNull();
    expect(heard).toHaveBeenCalledTimes(2);
  });

  test('of many calls at once asks the person once', async () => {
    const session = await signedIn(user({ expired: true }));
    const heard = vi.fn();
    session.subscribe(heard);
    const calls = [1, 2, 3].map(() => outcome(session.accessToken()));
    await settled();
    expect(heard).toHaveBeenCalledOnce();
    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-2' }));
    await session.popup();
    expect(await Promise.all(calls)).toEqual(['token-2', 'token-2', 'token-2']);
    expect(manager.signinPopup).toHaveBeenCalledOnce();
  });

  test('that the person would rather not renew fails every call that waits, and no later one', async () => {
    const session = await signedIn(user({ expired: true }));
    const calls = [1, 2, 3].map(() => outcome(session.accessToken()));
    await settled();
    session.dismiss();
    expect(await Promise.all(calls)).toEqual(['session_ended', 'session_ended', 'session_ended']);
    expect(session.lapse).toBeNull();

    const later = outcome(session.accessToken()); // asks again: what they do next may be worth it
    await settled();
    expect(session.lapse).toMatchObject({ reason: 'ended' });
    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-3' }));
    await session.popup();
    expect(await later).toBe('token-3');
  });

  test('is renewed quietly where the issuer gave a refresh token', async () => {
    const session = await signedIn(user({ expired: true, refresh_token: 'refresh' }));
    manager.signinSilent.mockResolvedValue(user({ access_token: 'token-2' }));
    expect(await session.accessToken()).toBe('token-2');
    expect(session.lapse).toBeNull();
    expect(manager.signinPopup).not.toHaveBeenCalled();
  });

  test('of many calls at once is renewed once', async () => {
    const session = await signedIn(user({ expired: true, refresh_token: 'refresh' }));
    manager.signinSilent.mockResolvedValue(user({ access_token: 'token-2' }));
    expect(await Promise.all([session.accessToken(), session.accessToken()])).toEqual(['token-2', 'token-2']);
    // A second use of a refresh token that rotates would end the session.
    expect(manager.signinSilent).toHaveBeenCalledOnce();
  });

  test.each<[string, (m: Mock) => void]>([
    ['is refused', (m) => m.mockRejectedValue(refusal('invalid_grant'))],
    ['gives nobody', (m) => m.mockResolvedValue(null)],
  ])('asks the person where the refresh token %s', async (_, answer) => {
    const session = await signedIn(user({ expired: true, refresh_token: 'refresh' }));
    answer(manager.signinSilent);
    const call = outcome(session.accessToken());
    await settled();
    expect(session.lapse).toMatchObject({ reason: 'ended' });
    session.dismiss();
    expect(await call).toBe('session_ended');
  });
});

describe('a refused token', () => {
  test('asks the person', async () => {
    const session = await signedIn();
    const call = outcome(session.signInAgain('token-1'));
    await settled();
    expect(session.lapse).toMatchObject({ reason: 'ended' });
    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-2' }));
    await session.popup();
    expect(await call).toBe('done');
    expect(await session.accessToken()).toBe('token-2');
  });

  test('that was replaced meanwhile asks nobody', async () => {
    const session = await signedIn();
    expect(await outcome(session.signInAgain('token-0'))).toBe('done');
    expect(session.lapse).toBeNull();
  });

  test('that is too old wants a recent sign-in: a refresh would not be one', async () => {
    const session = await signedIn(user({ refresh_token: 'refresh' }));
    const call = outcome(session.signInAgain('token-1', 300));
    await settled();
    expect(session.lapse).toMatchObject({ reason: 'recent', maxAge: 300 });
    expect(manager.signinSilent).not.toHaveBeenCalled();
    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-2' }));
    await session.popup();
    expect(manager.signinPopup).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ max_age: 300, url_state: 'popup' }),
    );
    expect(await call).toBe('done');
  });
});

describe('the window of a sign-in again', () => {
  async function lapsed() {
    const session = await signedIn();
    const call = outcome(session.signInAgain('token-1'));
    await settled();
    return { session, call };
  }

  test('that does not open leaves the question, and the call waiting', async () => {
    const { session, call } = await lapsed();
    manager.signinPopup.mockRejectedValue(new Error('Popup blocked'));
    await expect(session.popup()).rejects.toThrow('Popup blocked');
    expect(session.lapse).not.toBeNull();
    session.dismiss();
    expect(await call).toBe('session_ended');
  });

  test('with another person in it lets nothing of the page go on in their name', async () => {
    const { session, call } = await lapsed();
    manager.signinPopup.mockResolvedValue(user({ sub: 'bob', access_token: 'token-of-bob' }));
    expect(await session.popup()).toBe('somebody-else');
    // The page reloads now. Until then no call gets a token, neither's.
    const waiting = Promise.race([call, settled().then(() => 'waits')]);
    expect(await waiting).toBe('waits');
    session.dismiss();
    expect(await call).toBe('session_ended');
    const later = outcome(session.accessToken());
    await settled();
    session.dismiss();
    expect(await later).toBe('session_ended');
  });

  test('with another person a second time is refused a second time', async () => {
    const { session, call } = await lapsed();
    manager.signinPopup.mockResolvedValue(user({ sub: 'bob', access_token: 'token-of-bob' }));
    expect(await session.popup()).toBe('somebody-else');
    expect(await session.popup()).toBe('somebody-else');
    manager.signinPopup.mockResolvedValue(user({ access_token: 'token-2' }));
    expect(await session.popup()).toBe('done');
    expect(await call).toBe('done');
    expect(await session.accessToken()).toBe('token-2');
  });

  test('is not opened where nobody has to sign in', async () => {
    const session = await signedIn();
    expect(await session.popup()).toBe('done');
    expect(manager.signinPopup).not.toHaveBeenCalled();
  });
});

test('a listener that left hears nothing more', async () => {
  const session = await signedIn(user({ expired: true }));
  const heard = vi.fn();
  session.subscribe(heard)();
  const call = outcome(session.accessToken());
  await settled();
  session.dismiss();
  await call;
  expect(heard).not.toHaveBeenCalled();
});

describe('signing out', () => {
  test('ends the session at the issuer, in both dialects', async () => {
    const session = await signedIn();
    await session.signOut();
    expect(manager.signoutRedirect).toHaveBeenCalledExactlyOnceWith({
      id_token_hint: 'id-1',
      extraQueryParams: { client_id: 'console', logout_uri: `${ORIGIN}/signed-out` },
    });
  });

  test('leaves no token in the page that is left, which the browser may keep, and tells the other windows', async () => {
    const session = await signedIn();
    await session.signOut();
    window.dispatchEvent(new Event('pagehide'));
    const call = outcome(session.accessToken());
    await settled();
    session.dismiss();
    expect(await call).toBe('session_ended');
    expect(Channel.last?.sent).toEqual(['/signed-out']);
  });

  test('changes nothing for a person who would lose something and stays', async () => {
    const session = await signedIn();
    await session.signOut();
    expect(await session.accessToken()).toBe('token-1');
    expect(Channel.last?.sent).toEqual([]);
  });

  test('in another window ends it in this one', async () => {
    const session = await signedIn();
    Channel.last?.hear('something else');
    expect(await session.accessToken()).toBe('token-1');
    const assign = vi.spyOn(window.location, 'assign').mockReturnValue();
    Channel.last?.hear('/signed-out');
    Channel.last?.hear('/signed-out');
    expect(assign).toHaveBeenCalledExactlyOnceWith('/signed-out');
    const call = outcome(session.accessToken());
    await settled();
    session.dismiss();
    expect(await call).toBe('session_ended');
  });

  describe('with a refresh token', () => {
    const given = user({ refresh_token: 'refresh-1' });
    let revoked: [string, RequestInit | undefined][] = [];
    beforeEach(() => {
      revoked = [];
      metadataService.getRevocationEndpoint.mockResolvedValue('http://issuer.test/revoke');
      vi.stubGlobal('fetch', async (address: string, init?: RequestInit) => {
        revoked.push([address, init]);
        throw new TypeError('Failed to fetch'); // whatever it answers
      });
    });
    const leave = () => window.dispatchEvent(new Event('pagehide'));

    test('ends it at the issuer, once the page is left, by a request that outlives it', async () => {
      const session = await signedIn(given);
      await session.signOut();
      expect(revoked).toEqual([]); // they may stay
      leave();
      leave();
      expect(revoked).toHaveLength(1);
      const [address, init] = revoked[0] ?? [];
      expect(address).toBe('http://issuer.test/revoke');
      expect(init).toMatchObject({ method: 'POST', keepalive: true, credentials: 'omit' });
      expect(String(init?.body)).toBe('token=refresh-1&token_type_hint=refresh_token&client_id=console');
    });

    test('ends it although the issuer has no sign-out', async () => {
      const session = await signedIn(given);
      manager.signoutRedirect.mockRejectedValue(new Error('No end session endpoint'));
      await expect(session.signOut()).rejects.toThrow();
      expect(revoked).toHaveLength(1);
    });

    test('ends the one of every window', async () => {
      await signedIn(given);
      vi.spyOn(window.location, 'assign').mockReturnValue();
      Channel.last?.hear('/signed-out');
      expect(revoked).toHaveLength(1);
    });

    test('says nothing to an issuer that takes none back', async () => {
      metadataService.getRevocationEndpoint.mockResolvedValue(undefined);
      const session = await signedIn(given);
      await session.signOut();
      leave();
      expect(revoked).toEqual([]);
    });

    test('says nothing of an access token, which ends by itself', async () => {
      const session = await signedIn();
      await session.signOut();
      leave();
      expect(revoked).toEqual([]);
    });
  });

  test('leaves no token although the issuer does not answer', async () => {
    const session = await signedIn();
    manager.signoutRedirect.mockRejectedValue(new TypeError('Failed to fetch'));
    await expect(session.signOut()).rejects.toThrow();
    const call = outcome(session.accessToken());
    await settled();
    session.dismiss();
    expect(await call).toBe('session_ended');
  });
});

function refusal(error: string, state?: unknown): ErrorResponse {
  return new ErrorResponse({ error, userState: state });
}
