import Box from '@cloudscape-design/components/box';
import Button from '@cloudscape-design/components/button';
import Header from '@cloudscape-design/components/header';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { deleteAnyToken } from '../api/change';
import { PageLink } from '../app/go';
import { Facts } from '../details/Facts';
import { Pending } from '../details/Pending';
import { DeleteTokens } from '../remove/DeleteTokens';
import { useTexts } from '../texts/use';
import { personAt, trailOf } from './address';
import { useAnyToken } from './use';

/** Anybody's token, as an administrator sees it. */
export function OneToken({ id }: { id: string }) {
  const { t } = useTexts();
  const token = useAnyToken(id);
  const [removing, setRemoving] = useState(false);
  const all = <PageLink to="/admin/tokens">{t('admin.tokens.all')}</PageLink>;
  if (!token.data) {
    return (
      <SpaceBetween size="l">
        {all}
        <Pending token={token} />
      </SpaceBetween>
    );
  }
  const { name, owner, description, status } = token.data;
  return (
    <SpaceBetween size="l">
      {all}
      <Header
        variant="h2"
        description={description}
        actions={
          <Button disabled={status === 'revoked'} onClick={() => setRemoving(true)}>
            {t('delete')}
          </Button>
        }
      >
        {name}
      </Header>
      <Box>
        {t('token.owner')}: <PageLink to={personAt(owner)}>{owner}</PageLink>
        {' · '}
        <PageLink to={trailOf(owner)}>{t('person.trail')}</PageLink>
      </Box>
      <Facts token={token.data} others />
      {removing && (
        <DeleteTokens
          tokens={[token.data]}
          remove={deleteAnyToken}
          nameOf={() => t('admin.tokens.of', { name, owner })}
          close={() => setRemoving(false)}
        />
      )}
    </SpaceBetween>
  );
}
