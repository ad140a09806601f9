import Box from '@cloudscape-design/components/box';
import SpaceBetween from '@cloudscape-design/components/space-between';
import StatusIndicator from '@cloudscape-design/components/status-indicator';
import { useSearchParams } from 'react-router';
import { asFailure } from '../api/failure';
import { FailureAlert } from '../app/FailureAlert';
import { useTexts } from '../texts/use';
import { Find } from './Find';
import { Person } from './Person';
import { usePerson } from './use';

/** Looks a person up: the one in the address. */
export function PeoplePage() {
  const { t } = useTexts();
  const [params, setParams] = useSearchParams();
  const sub = params.get('sub') ?? '';
  return (
    <SpaceBetween size="l">
      <Find label={t('person.find')} value={sub} find={(asked) => setParams(asked === '' ? {} : { sub: asked })} />
      {sub === '' ? (
        <Box variant="p" color="text-body-secondary">
          {t('person.none')}
        </Box>
      ) : (
        <Found key={sub} sub={sub} />
      )}
    </SpaceBetween>
  );
}

function Found({ sub }: { sub: string }) {
  const { t } = useTexts();
  const person = usePerson(sub);
  if (person.data) return <Person person={person.data} />;
  if (!person.isError) return <StatusIndicator type="loading">{t('loading')}</StatusIndicator>;
  return (
    <FailureAlert title={t('person.failed')} thrown={person.error} retry={() => void person.refetch()}>
      {asFailure(person.error).fields.map(({ field, message }) => (
        <div key={field}>{`${field}: ${message}`}</div>
      ))}
    </FailureAlert>
  );
}
