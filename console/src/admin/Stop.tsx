import Alert from '@cloudscape-design/components/alert';
import Box from '@cloudscape-design/components/box';
import { deleteAllTokens, disablePerson } from '../api/change';
import type { Profile } from '../api/client';
import { useApi, useChanged } from '../api/use';
import { Confirm } from '../app/Confirm';
import { FailureAlert } from '../app/FailureAlert';
import { useTell } from '../app/notices';
import { useTexts } from '../texts/use';

interface Props {
  person: Profile;
  close(): void;
}

/** The kill switch: asks before a person is disabled, or enabled again. */
export function Disable({ person: { sub, disabled }, close }: Props) {
  const { t } = useTexts();
  const { api } = useApi();
  const tell = useTell();
  const changed = useChanged();
  const run = async () => {
    await disablePerson(api, sub, !disabled);
    tell('success', disabled ? t('person.enable.done', { sub }) : t('person.disable.done', { sub }));
    void changed();
  };
  return (
    <Confirm
      title={disabled ? t('person.enable.title', { sub }) : t('person.disable.title', { sub })}
      act={disabled ? t('person.enable') : t('person.disable')}
      run={run}
      close={close}
      failed={(is) =>
        is.code === 'conflict' ? (
          <div role="alert">
            <Alert type="error">{t('person.disable.self')}</Alert>
          </div>
        ) : (
          <FailureAlert title={disabled ? t('person.enable.failed') : t('person.disable.failed')} thrown={is} />
        )
      }
    >
      {disabled ? (
        <Box variant="p">{t('person.enable.what')}</Box>
      ) : (
        <Alert type="warning">{t('person.disable.what')}</Alert>
      )}
    </Confirm>
  );
}

/** Asks before all tokens of a person are deleted. */
export function DeleteAll({ person: { sub }, close }: Props) {
  const { t } = useTexts();
  const { api } = useApi();
  const tell = useTell();
  const changed = useChanged();
  const run = async () => {
    const count = await deleteAllTokens(api, sub);
    tell('success', t('person.deleteAll.done', { sub, count }));
    void changed();
  };
  return (
    <Confirm
      title={t('person.deleteAll.title', { sub })}
      act={t('person.deleteAll')}
      run={run}
      close={close}
      failed={(is) => <FailureAlert title={t('person.deleteAll.failed')} thrown={is} />}
    >
      <Alert type="warning">{t('person.deleteAll.what')}</Alert>
    </Confirm>
  );
}
