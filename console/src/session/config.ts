/** What the console is served with, beside it: /config.json. */
export interface Config {
  /** The API's address, without a slash at the end. */
  api: string;
  /** The people's OIDC issuer, exactly as its discovery document spells it. */
  issuer: string;
  /** What the console is called there. It has no secret. */
  client_id: string;
  /** What to ask the issuer for; default `openid profile`. */
  scope?: string;
  /** The audience to ask for (RFC 8707), where the issuer wants it said. */
  resource?: string;
}

/** Reads the configuration. Throws an Error that an operator understands. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch('/config.json', { cache: 'no-store', headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(`/config.json: ${response.status}`);
  const config = (await response.json()) as Config;
  for (const name of ['api', 'issuer', 'client_id'] as const) {
    if (typeof config[name] !== 'string' || config[name] === '') throw new Error(`/config.json: ${name} is missing`);
  }
  return { ...config, api: config.api.replace(/\/$/, '') };
}
