import Button from '@cloudscape-design/components/button';
import FormField from '@cloudscape-design/components/form-field';
import Input from '@cloudscape-design/components/input';
import SpaceBetween from '@cloudscape-design/components/space-between';
import { useState } from 'react';
import { useTexts } from '../texts/use';

/** A field for a person's subject, looked up when it is complete. */
export function Find({ label, value, find }: { label: string; value: string; find(sub: string): void }) {
  const { t } = useTexts();
  const [typed, setTyped] = useState(value);
  // The address may change under it, by Back or a link.
  const [seen, setSeen] = useState(value);
  if (seen !== value) {
    setSeen(value);
    setTyped(value);
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        find(typed.trim());
      }}
    >
      <SpaceBetween direction="horizontal" size="xs" alignItems="end">
        <FormField label={label}>
          <Input
            type="search"
            value={typed}
            autoComplete={false}
            spellcheck={false}
            clearAriaLabel={t('find.clear')}
            onChange={({ detail }) => {
              setTyped(detail.value);
              if (detail.value === '') find('');
            }}
          />
        </FormField>
        <Button formAction="submit">{t('find')}</Button>
      </SpaceBetween>
    </form>
  );
}
