import createClient, { type Client } from 'openapi-fetch';
import { Failure, failureOf } from './failure';
import type { components, paths } from './schema';

export type Token = components['schemas']['Token'];
export type CreatedToken = components['schemas']['CreatedToken'];
export type NewToken = components['schemas']['NewToken'];
export type TokenUpdate = components['schemas']['TokenUpdate'];
export type Limits = components['schemas']['Limits'];
export type Scope = components['schemas']['Scope'];
export type TokenPolicy = components['schemas']['TokenPolicy'];
export type PolicyPreview = components['schemas']['PolicyPreview'];
export type Profile = components['schemas']['Profile'];
export type Event = components['schemas']['Event'];
export type Whoami = components['schemas']['WhoamiPerson'];

export type Api = Client<paths>;

/** Who signs the calls. */
export interface Bearer {
  /** The access token. Throws a Failure where there is none and the person will not sign in. */
  accessToken(): Promise<string>;
  /**
   * Called when a token was refused, with the age in seconds that a sign-in may
   * have (RFC 9470) where that was the reason. Throws a Failure like accessToken.
   */
  signInAgain(refused: string, maxAge?: number): Promise<void>;
}

/** Returns a client of the API whose calls carry the bearer's token. */
export function connect(api: string, bearer: Bearer): Api {
  return createClient<paths>({ baseUrl: api, fetch: (request) => send(request, bearer) });
}

/** Sends a request; a second time after the person has signed in again. */
async function send(request: Request, bearer: Bearer): Promise<Response> {
  for (let again = false; ; again = true) {
    const token = await bearer.accessToken();
    const attempt = request.clone();
    attempt.headers.set('Authorization', `Bearer ${token}`);
    let response: Response;
    try {
      response = await fetch(attempt, { cache: 'no-store', credentials: 'omit', redirect: 'error' });
    } catch {
      if (request.signal.aborted) throw request.signal.reason;
      throw new Failure('no_answer');
    }
    if (response.status !== 401 || again) return response;
    await bearer.signInAgain(token, await maxAgeOf(response.clone()));
  }
}

async function maxAgeOf(response: Response): Promise<number | undefined> {
  try {
    const body = (await response.json()) as { code?: unknown; max_age?: unknown };
    if (body.code === 'insufficient_user_authentication' && typeof body.max_age === 'number') return body.max_age;
  } catch {
    // Whatever it says, it is a 401.
  }
  return undefined;
}

/** Returns what a call answered, or throws the Failure that it is. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let result: Awaited<typeof call>;
  try {
    result = await call;
  } catch (thrown) {
    // A body cut off in the middle says no more than no answer.
    if (thrown instanceof Failure || (thrown instanceof DOMException && thrown.name === 'AbortError')) throw thrown;
    throw new Failure('no_answer');
  }
  if (!result.response.ok) throw failureOf(result.response, result.error);
  return result.data as T;
}
