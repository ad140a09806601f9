import { useSearchParams } from 'react-router';
import { useTexts } from '../texts/use';
import { Trail } from '../trail/Trail';
import { useAdminTrail } from '../trail/use';
import { Find } from './Find';

/** What happened to everybody, or to the person in the address. */
export function TrailPage() {
  const { t } = useTexts();
  const [params, setParams] = useSearchParams();
  const sub = params.get('sub') ?? '';
  const trail = useAdminTrail(sub);
  return (
    <Trail
      of={trail}
      admin
      filter={
        <Find
          label={t('admin.trail.sub')}
          value={sub}
          find={(asked) => setParams(asked === '' ? {} : { sub: asked })}
        />
      }
    />
  );
}
