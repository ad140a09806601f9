// A client and a resource server on oauth4webapi, which follows the
// specifications and nothing else. It is told where the issuer is and which
// tokens to use (ISSUER, TOKEN, CALLER) and prints the name of every step that
// went as it should. A failure names its step and its kind, never a value.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'

const { TOKEN, CALLER } = process.env
const issuer = new URL(process.env.ISSUER)
const local = { [oauth.allowInsecureRequests]: true } // plain http, on loopback

const client = { client_id: 'anything' }
const anonymous = oauth.None()
const bearer = (credential) => (as, client, body, headers) => headers.set('authorization', `Bearer ${credential}`)

const accessToken = 'urn:ietf:params:oauth:token-type:access_token'
const exchange = (subject, more) => oauth.genericTokenEndpointRequest(as, client, anonymous,
  'urn:ietf:params:oauth:grant-type:token-exchange', { subject_token: subject, subject_token_type: accessToken, ...more }, local)
const introspect = async (credential, subject) => oauth.processIntrospectionResponse(as, client,
  await oauth.introspectionRequest(as, client, bearer(credential), subject, local))
const requestWith = (credential) => new Request('http://127.0.0.1/notes', { headers: { authorization: `Bearer ${credential}` } })

let as, granted
const steps = {
  async 'discovery, as OpenID Connect has it'() {
    as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...local, algorithm: 'oidc' }))
  },
  async 'discovery, as RFC 8414 has it'() {
    const other = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { ...local, algorithm: 'oauth2' }))
    assert.deepEqual(other, as)
  },
  async 'discovery of the resource, as RFC 9728 has it'() {
    const resource = await oauth.processResourceDiscoveryResponse(issuer, await oauth.resourceDiscoveryRequest(issuer, local))
    assert.deepEqual(resource.bearer_methods_supported, ['header'])
  },
  async 'exchange'() {
    granted = await oauth.processGenericTokenEndpointResponse(as, client, await exchange(TOKEN, { scope: 'notes:read' }))
    assert.equal(granted.token_type, 'bearer') // the library's spelling
    assert.equal(granted.scope, 'notes:read')
    assert.equal(granted.issued_token_type, accessToken)
    assert.ok(granted.expires_in > 0 && granted.refresh_token === undefined)
  },
  async 'an exchange that is refused'() {
    const response = await exchange('junk')
    await assert.rejects(oauth.processGenericTokenEndpointResponse(as, client, response),
      (e) => e instanceof oauth.ResponseBodyError && e.status === 400 && e.error === 'invalid_request')
  },
  async 'a token of RFC 9068, verified by our published keys'() {
    const claims = await oauth.validateJwtAccessToken(as, requestWith(granted.access_token), issuer.origin, local)
    assert.equal(claims.sub, 'alice')
    assert.equal(claims.scope, 'notes:read')
  },
  async 'a token of RFC 9068 for somebody else is refused'() {
    await assert.rejects(oauth.validateJwtAccessToken(as, requestWith(granted.access_token), 'urn:somebody:else', local))
  },
  async 'a token of RFC 9068 with another signature is refused'() {
    const [header, claims] = granted.access_token.split('.')
    const other = await oauth.processGenericTokenEndpointResponse(as, client, await exchange(TOKEN, { scope: 'profile' }))
    const mixed = [header, claims, other.access_token.split('.')[2]].join('.')
    await assert.rejects(oauth.validateJwtAccessToken(as, requestWith(mixed), issuer.origin, local))
  },
  async 'introspection of a token and of a JWT'() {
    for (const credential of [TOKEN, granted.access_token]) {
      const told = await introspect(CALLER, credential)
      assert.equal(told.active, true)
      assert.equal(told.sub, 'alice')
      assert.equal(told.iss, issuer.origin)
    }
  },
  async 'introspection of junk'() {
    const told = await introspect(CALLER, 'junk')
    assert.equal(told.active, false)
    assert.equal(Object.keys(told).length, 1)
  },
  async 'introspection by nobody is challenged'() {
    await assert.rejects(introspect('junk', TOKEN), challenged(401, undefined))
  },
  async 'introspection without the scope is challenged'() {
    await assert.rejects(introspect(TOKEN, TOKEN), challenged(403, 'insufficient_scope'))
  },
  async 'revocation'() {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, anonymous, TOKEN, local))
    for (const credential of [TOKEN, granted.access_token]) {
      assert.equal((await introspect(CALLER, credential)).active, false)
    }
  },
  async 'revocation of what is dead'() {
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, anonymous, TOKEN, local))
  },
  async 'revocation of a JWT is refused'() {
    const response = await oauth.revocationRequest(as, client, anonymous, granted.access_token, local)
    await assert.rejects(oauth.processRevocationResponse(response),
      (e) => e instanceof oauth.ResponseBodyError && e.error === 'unsupported_token_type')
  },
}

// challenged matches what RFC 6750 section 3 wants to be told.
function challenged(status, error) {
  return (e) => e instanceof oauth.WWWAuthenticateChallengeError && e.status === status &&
    e.cause.length === 1 && e.cause[0].scheme === 'bearer' && e.cause[0].parameters.error === error
}

for (const [name, step] of Object.entries(steps)) {
  try {
    await step()
  } catch (e) {
    // Messages and causes quote what was compared.
    console.error(`${name}: ${e.name} ${e.code ?? ''} ${e.error ?? ''} ${e.operator ?? ''}`)
    process.exit(1)
  }
  console.log(name)
}
