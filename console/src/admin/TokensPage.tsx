import { useSearchParams } from 'react-router';
import { AllTokens } from './AllTokens';
import { OneToken } from './OneToken';

/** Everybody's tokens, or the one in the address. */
export function TokensPage() {
  const [params] = useSearchParams();
  const id = params.get('id');
  return id === null ? <AllTokens /> : <OneToken key={id} id={id} />;
}
