import type { TokenPolicy } from '../api/client';
import { person } from './sample';
import { answer, type Call, type FakeServer, problem } from './server';

/** What the API answers an administrator. */
export function administer(server: FakeServer, call: Call, query: URLSearchParams): Response {
  const sub = query.get('sub') ?? (call.body as { sub?: string } | undefined)?.sub ?? '';
  const there = server.people.find((p) => p.sub === sub) ?? person(sub, { groups: [], last_seen_at: null });
  const owner = query.get('owner');
  const status = query.get('status') ?? 'all';
  switch (call.route) {
    case 'GET /admin/policy':
      return answer(200, server.policy);
    case 'PUT /admin/policy':
      server.policy = call.body as TokenPolicy;
      return answer(200, server.policy);
    case 'POST /admin/policy/preview':
      return answer(200, server.preview);
    case 'GET /admin/tokens': {
      const some = server.tokens.filter((t) => owner === null || t.owner === owner);
      return server.page(
        'tokens',
        some.filter((t) => status === 'all' || t.status === status),
        query,
      );
    }
    case 'GET /admin/tokens/{id}': {
      const token = server.tokens.find((t) => t.id === call.id);
      return token ? answer(200, token) : problem(404, 'not_found');
    }
    case 'DELETE /admin/tokens/{id}':
      return server.revoke(call.id);
    case 'GET /admin/people':
      return answer(200, there);
    case 'PATCH /admin/people': {
      const { disabled } = call.body as { disabled: boolean };
      if (disabled && sub === server.me.sub) return problem(409, 'conflict');
      server.people = [...server.people.filter((p) => p !== there), { ...there, disabled }];
      return answer(200, { ...there, disabled });
    }
    case 'POST /admin/people/revoke-all': {
      const alive = server.tokens.filter((t) => t.owner === sub && t.status !== 'revoked');
      for (const token of alive) server.revoke(token.id);
      return answer(200, { revoked: alive.length });
    }
    case 'GET /admin/trail':
      return server.page(
        'events',
        server.events.filter((e) => sub === '' || e.data.owner === sub),
        query,
      );
  }
  return problem(404, 'not_found');
}
