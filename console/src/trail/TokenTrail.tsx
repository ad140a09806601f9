import { Trail } from './Trail';
import { useTokenTrail } from './use';

/** What happened to one of the person's own tokens. */
export function TokenTrail({ id }: { id: string }) {
  return <Trail of={useTokenTrail(id)} />;
}
