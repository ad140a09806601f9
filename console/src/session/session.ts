import { ErrorResponse, InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from 'oidc-client-ts';
import type { Bearer } from '../api/client';
import { Failure } from '../api/failure';
import type { Config } from './config';

/** Why a page asks its person to sign in again. */
export interface Lapse {
  reason: 'ended' | 'recent';
  /** Seconds that the sign-in may be old, for 'recent'. */
  maxAge?: number;
}

/** What a page should show first. */
export type Arrival =
  | { kind: 'signed-in' }
  | { kind: 'signed-out' }
  /** Nobody is signed in at the issuer: ask first. With what it said, where that was more. */
  | { kind: 'ask'; error?: string }
  /** The browser is on its way elsewhere. */
  | { kind: 'leaving' };

/** The pages that sign-in itself uses. */
export const CALLBACK = '/callback';
export const SIGNED_OUT = '/signed-out';

/** Marks a sign-in that runs in a window of its own, in the state that the issuer repeats. */
const POPUP = 'popup';

/** Left before we send the browser away to sign out, and nowhere else. */
type Path = { path: string };

/**
 * A Session is the signed-in person: code + PKCE with tokens in memory alone. A
 * reload asks the issuer again, without a question (prompt=none). When the
 * session ends, the pages stay as they are and a window of its own signs in.
 */
export class Session implements Bearer {
  readonly #manager: UserManager;
  readonly #config: Config;
  #user: User | null = null;
  /** Where the issuer takes refresh tokens back (RFC 7009), if it does. */
  #revocation: string | undefined;
  /** Whose pages these are, until the next load: also while nobody is signed in. */
  #sub: string | undefined;
  #refreshing: Promise<boolean> | null = null;
  #lapse: (Lapse & { settle: (signedIn: boolean) => void; again: Promise<boolean> }) | null = null;
  readonly #listeners = new Set<() => void>();
  /** The console's other windows in this browser. */
  readonly #others = new BroadcastChannel('counterfoil.session');

  constructor(config: Config) {
    this.#config = config;
    const { origin } = window.location;
    this.#manager = new UserManager({
      authority: config.issuer,
      client_id: config.client_id,
      redirect_uri: origin + CALLBACK,
      post_logout_redirect_uri: origin + SIGNED_OUT,
      scope: config.scope ?? 'openid profile',
      resource: config.resource,
      // Tokens: never in the browser's storage. What is kept there during a
      // sign-in is its state and code verifier, worth nothing without the code.
      userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      stateStore: new WebStorageStateStore({ store: window.sessionStorage }),
      automaticSilentRenew: false,
      monitorSession: false,
      loadUserInfo: false,
    });
    this.#others.onmessage = (event) => {
      if (event.data !== SIGNED_OUT || !this.#user) return;
      this.#forget();
      window.location.assign(SIGNED_OUT);
    };
  }

  /** Finds out who is there. It may send the browser away. */
  async arrive(): Promise<Arrival> {
    if (window.location.pathname === SIGNED_OUT) return { kind: 'signed-out' };
    if (window.location.pathname !== CALLBACK) {
      await this.#leave({ prompt: 'none' });
      return { kind: 'leaving' };
    }
    if (inPopup()) {
      await this.#manager.signinPopupCallback();
      return { kind: 'leaving' };
    }
    try {
      this.#user = await this.#manager.signinRedirectCallback();
      this.#sub = this.#user.profile.sub;
      this.#revocation = await this.#manager.metadataService.getRevocationEndpoint(); // it was read to come here
      backTo(this.#user.state);
      return { kind: 'signed-in' };
    } catch (thrown) {
      if (thrown instanceof ErrorResponse) {
        backTo(thrown.state);
        return { kind: 'ask', error: questions.has(thrown.error ?? '') ? undefined : (thrown.error ?? undefined) };
      }
      // A callback that is not of this tab's sign-in: an old address, or Back.
      backTo({ path: '/' });
      return { kind: 'ask' };
    }
  }

  /** Sends the browser to the issuer's sign-in; it comes back to this page. */
  async signIn(): Promise<void> {
    await this.#leave({});
  }

  async #leave(how: { prompt?: string }): Promise<void> {
    const { pathname, search } = window.location;
    const path = pathname === CALLBACK || pathname === SIGNED_OUT ? '/' : pathname + search;
    await this.#manager.signinRedirect({ ...how, state: { path } satisfies Path });
  }

  /**
   * Ends the session: at the issuer, here, and in this browser's other windows.
   * The browser may ask the person, who would lose something, and they may stay;
   * so nothing is forgotten before this page is really left.
   */
  async signOut(): Promise<void> {
    const forget = () => {
      this.#forget();
      this.#others.postMessage(SIGNED_OUT);
    };
    window.addEventListener('pagehide', forget, { once: true });
    try {
      await this.#manager.signoutRedirect({
        id_token_hint: this.#user?.id_token,
        // Cognito's names for client_id and post_logout_redirect_uri.
        extraQueryParams: { client_id: this.#config.client_id, logout_uri: window.location.origin + SIGNED_OUT },
      });
    } catch (thrown) {
      window.removeEventListener('pagehide', forget);
      forget();
      await this.#manager.removeUser();
      throw thrown;
    }
  }

  /**
   * Forgets the tokens. A refresh token would outlive the sign-out: the issuer is
   * asked to end it by a request that goes on when the page is gone, as the library's
   * own would not. Nobody waits for an answer: the person leaves either way.
   */
  #forget(): void {
    const { refresh_token } = this.#user ?? {};
    this.#user = null;
    if (!refresh_token || !this.#revocation) return;
    const form = { token: refresh_token, token_type_hint: 'refresh_token', client_id: this.#config.client_id };
    void fetch(this.#revocation, {
      method: 'POST',
      body: new URLSearchParams(form),
      keepalive: true,
      credentials: 'omit',
    }).catch(() => {});
  }

  async accessToken(): Promise<string> {
    if (!this.#user || this.#user.expired) await this.#renew({ reason: 'ended' });
    if (!this.#user) throw new Failure('session_ended');
    return this.#user.access_token;
  }

  async signInAgain(refused: string, maxAge?: number): Promise<void> {
    if (this.#user && this.#user.access_token !== refused) return; // somebody has, meanwhile
    await this.#renew(maxAge === undefined ? { reason: 'ended' } : { reason: 'recent', maxAge });
  }

  async #renew(lapse: Lapse): Promise<void> {
    if (lapse.reason === 'ended' && this.#user?.refresh_token && (await this.#refresh())) return;
    if (!this.#lapse) {
      let settle: (signedIn: boolean) => void = () => {};
      const again = new Promise<boolean>((resolve) => {
        settle = resolve;
      });
      this.#lapse = { ...lapse, settle, again };
      this.#tell();
    }
    const signedIn = await this.#lapse.again;
    if (!signedIn) throw new Failure('session_ended');
  }

  /** Once for all calls that wait: an issuer that rotates refresh tokens ends the session at a second use. */
  #refresh(): Promise<boolean> {
    this.#refreshing ??= this.#manager
      .signinSilent()
      .then(
        (user) => {
          this.#user = user;
          return user !== null;
        },
        () => false,
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  /** Why the person has to sign in again, if so. */
  get lapse(): Lapse | null {
    return this.#lapse;
  }

  /** Calls the listener when lapse changes; returns how to stop that. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /**
   * Signs in again in a window of its own; to be called by a click. Throws where
   * no window opens or the sign-in fails. Answers 'somebody-else' when it was
   * another person: what this page shows is not theirs.
   */
  async popup(): Promise<'done' | 'somebody-else'> {
    const lapse = this.#lapse;
    if (!lapse) return 'done';
    const user = await this.#manager.signinPopup({
      url_state: POPUP,
      // Cognito knows no max_age: prompt asks for the sign-in that the API wants.
      ...(lapse.reason === 'recent' && { max_age: lapse.maxAge, prompt: 'login' }),
      popupWindowFeatures: { width: 520, height: 640 },
    });
    if (this.#sub !== undefined && user.profile.sub !== this.#sub) {
      this.#user = null;
      return 'somebody-else';
    }
    this.#user = user;
    this.#settle(true);
    return 'done';
  }

  /** The person would rather not: what waits for a token fails. */
  dismiss(): void {
    this.#settle(false);
  }

  #settle(signedIn: boolean): void {
    const lapse = this.#lapse;
    this.#lapse = null;
    lapse?.settle(signedIn);
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** How an issuer says that it would have to ask (OIDC Core section 3.1.2.6). */
const questions = new Set(['login_required', 'interaction_required', 'consent_required', 'account_selection_required']);

function inPopup(): boolean {
  const state = new URLSearchParams(window.location.search).get('state') ?? '';
  return window.opener !== null && state.endsWith(`;${POPUP}`);
}

/** Puts the address back that the person came from; the code in this one is used up. */
function backTo(state: unknown): void {
  const path = (state as Path | undefined)?.path ?? '/';
  window.history.replaceState(null, '', path.startsWith('/') && !path.startsWith('//') ? path : '/');
}
