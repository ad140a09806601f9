import Button from '@cloudscape-design/components/button';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useNavigate, useParams, useSearchParams } from 'react-router';
import type { Issued } from '../api/change';
import type { Token } from '../api/client';
import { useToken } from '../api/use';
import { useGo } from '../app/go';
import { useNow } from '../app/now';
import { Page } from '../app/Page';
import { duplicateOf } from '../create/address';
import { DeleteTokens } from '../remove/DeleteTokens';
import { ShownOnce } from '../shown/ShownOnce';
import { useTexts } from '../texts/use';
import { isAlive } from '../tokens/standing';
import { usedOf } from '../tokens/used';
import { TokenTrail } from '../trail/TokenTrail';
import { EditForm } from './EditForm';
import { Facts } from './Facts';
import { Pending } from './Pending';
import { RotateDialog } from './RotateDialog';

/** Everything about one token, and everything that can be done with it. */
export function DetailsPage() {
  const { t } = useTexts();
  const { id = '' } = useParams();
  const token = useToken(id);
  const above = [{ text: t('configuration.title'), href: '/configuration' }];
  if (token.data) return <Details key={id} token={token.data} above={above} />;
  return (
    <Page title={t('details.title')} above={above}>
      <Pending token={token} />
    </Page>
  );
}

type Doing = 'edit' | 'rotate' | 'delete' | null;

function Details({ token, above }: { token: Token; above: { text: string; href: string }[] }) {
  const { t } = useTexts();
  const navigate = useNavigate();
  const go = useGo();
  const now = useNow();
  const [params, setParams] = useSearchParams();
  const [issued, setIssued] = useState<Issued | null>(null);
  const alive = isAlive(token, now);
  const works = alive && token.status === 'active';

  // A deletion whose answer was lost ends where it began, although the token is revoked by then.
  const [deletable] = useState(token.status !== 'revoked');

  // What is being done stands in the address, so that Back ends it.
  const asked = params.get('do');
  const doing: Doing =
    asked === 'edit' && alive
      ? 'edit'
      : asked === 'rotate' && works
        ? 'rotate'
        : asked === 'delete' && deletable
          ? 'delete'
          : null;
  const begin = (what: Exclude<Doing, null>) => setParams({ do: what });
  const end = () => setParams({}, { replace: true });

  if (issued) {
    return (
      <Page title={t('shown.rotated', { name: token.name })} above={above} maxWidth={800}>
        <ShownOnce issued={issued} done={() => setIssued(null)} />
      </Page>
    );
  }
  if (doing === 'edit') {
    return (
      <Page title={t('edit.title', { name: token.name })} above={above} maxWidth={800}>
        <EditForm token={token} scopes={params.get('keep') === 'used' ? usedOf(token) : token.scopes} close={end} />
      </Page>
    );
  }
  return (
    <Page
      title={token.name}
      above={above}
      description={token.description}
      actions={
        <SpaceBetween direction="horizontal" size="xs">
          <Button disabled={!works} onClick={() => begin('rotate')}>
            {t('rotate')}
          </Button>
          <Button disabled={!alive} onClick={() => begin('edit')}>
            {t('edit')}
          </Button>
          <Button {...go(duplicateOf(token))}>{t('duplicate')}</Button>
          <Button disabled={token.status === 'revoked'} onClick={() => begin('delete')}>
            {t('delete')}
          </Button>
        </SpaceBetween>
      }
    >
      <SpaceBetween size="l">
        <Facts token={token} shrink={alive ? () => setParams({ do: 'edit', keep: 'used' }) : undefined} />
        <TokenTrail id={token.id} />
      </SpaceBetween>
      {doing === 'rotate' && (
        <RotateDialog
          token={token}
          close={end}
          rotated={(made) => {
            end();
            setIssued(made);
          }}
        />
      )}
      {doing === 'delete' && (
        <DeleteTokens
          tokens={[token]}
          close={(deleted) => (deleted ? navigate('/configuration', { replace: true }) : end())}
        />
      )}
    </Page>
  );
}
