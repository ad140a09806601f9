import { Secret } from '../tokens/secret';
import {
  type Api,
  answer,
  type CreatedToken,
  type NewToken,
  type PolicyPreview,
  type Profile,
  type Token,
  type TokenPolicy,
  type TokenUpdate,
} from './client';

/** A token with its value: what only a create and a rotation answer. */
export interface Issued {
  token: Token;
  value: Secret;
}

/** Takes the value out of the answer, so that nothing keeps it that keeps tokens. */
function issued({ token: value, ...token }: CreatedToken): Issued {
  return { token, value: new Secret(value) };
}

export async function createToken(api: Api, body: NewToken): Promise<Issued> {
  return issued(await answer(api.POST('/tokens', { body })));
}

export interface Rotation {
  graceSeconds: number;
  /** After a rotation whose answer was lost: the value before it goes on as it was. */
  keepPrevious: boolean;
}

export async function rotateToken(api: Api, id: string, { graceSeconds, keepPrevious }: Rotation): Promise<Issued> {
  const body = keepPrevious ? { keep_previous: true } : { grace_seconds: graceSeconds };
  return issued(await answer(api.POST('/tokens/{id}/rotate', { params: { path: { id } }, body })));
}

export function updateToken(api: Api, id: string, body: TokenUpdate): Promise<Token> {
  return answer(api.PATCH('/tokens/{id}', { params: { path: { id } }, body }));
}

/** Deletes a token for good; again is the same. */
export async function deleteToken(api: Api, id: string): Promise<void> {
  await answer(api.DELETE('/tokens/{id}', { params: { path: { id } } }));
}

/** Deletes anybody's token, as its owner would. */
export async function deleteAnyToken(api: Api, id: string): Promise<void> {
  await answer(api.DELETE('/admin/tokens/{id}', { params: { path: { id } } }));
}

/** Tells what a policy would stop. Changes nothing. */
export function previewPolicy(api: Api, body: TokenPolicy): Promise<PolicyPreview> {
  return answer(api.POST('/admin/policy/preview', { body }));
}

/** Reads it as it is now. */
export function readPolicy(api: Api): Promise<TokenPolicy> {
  return answer(api.GET('/admin/policy'));
}

export function setPolicy(api: Api, body: TokenPolicy): Promise<TokenPolicy> {
  return answer(api.PUT('/admin/policy', { body }));
}

export function disablePerson(api: Api, sub: string, disabled: boolean): Promise<Profile> {
  return answer(api.PATCH('/admin/people', { body: { sub, disabled } }));
}

/** Deletes every token that a person has now; returns how many. */
export async function deleteAllTokens(api: Api, sub: string): Promise<number> {
  return (await answer(api.POST('/admin/people/revoke-all', { body: { sub } }))).revoked;
}
