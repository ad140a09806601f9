/** The page of a person. A subject never stands in a path: real ones hold | and /. */
export function personAt(sub: string): string {
  return `/admin/people?${new URLSearchParams({ sub })}`;
}

/** The page of a token. */
export function tokenAt(id: string): string {
  return `/admin/tokens?${new URLSearchParams({ id })}`;
}

/** All tokens of a person. */
export function tokensOf(owner: string): string {
  return `/admin/tokens?${new URLSearchParams({ owner })}`;
}

/** What happened to a person and their tokens. */
export function trailOf(sub: string): string {
  return `/admin/trail?${new URLSearchParams({ sub })}`;
}
