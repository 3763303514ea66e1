import { describe, expect, it } from 'vitest';
import { BugError } from '../../../src/lib/index.ts';
import { isRepeatable, translatePostgres } from '../../../src/store/postgres/errors.ts';

const SHOWN = 'postgres://rackseed@db/rackseed';

describe('what PostgreSQL says', () => {
  it.each([
    ['28P01', 'store.refused'],
    ['3D000', 'store.refused'],
    ['42501', 'store.refused'],
    ['53100', 'store.full'],
    ['53300', 'store.unreachable'],
    ['57P03', 'store.unreachable'],
    ['08006', 'store.unreachable'],
    ['57014', 'store.busy'],
    ['40001', 'store.busy'],
    ['25006', 'store.read_only'],
    ['25P02', 'store.aborted'],
    ['XX001', 'store.corrupt'],
    ['23503', 'store.reference_missing'],
  ])('%s is %s', (sqlstate, code) => {
    expect(translatePostgres(serverError(sqlstate), SHOWN)).toMatchObject({ code });
  });

  it('names the columns of a value that is taken', () => {
    const one = serverError('23505', { table: 'nodes', detail: 'Key (name)=(n1) already exists.' });
    const two = serverError('23505', { table: 'task_steps', detail: 'Key (task_id, "position")=(t, 1) already exists.' });
    expect(translatePostgres(one, SHOWN)).toMatchObject({ code: 'store.conflict', detail: { columns: ['nodes.name'] } });
    expect(translatePostgres(two, SHOWN)).toMatchObject({ detail: { columns: ['task_steps.task_id', 'task_steps.position'] } });
  });

  it.each([
    Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
    new Error('Connection terminated unexpectedly'),
    new Error('timeout exceeded when trying to connect'),
  ])('nothing, because it is not there: %s', (thrown) => {
    expect(translatePostgres(thrown, SHOWN)).toMatchObject({ code: 'store.unreachable', retryable: true });
  });

  it('passes on what is not the database’s', () => {
    const own = new TypeError('ours');
    expect(translatePostgres(own, SHOWN)).toBe(own);
    expect(translatePostgres('text', SHOWN)).toBeInstanceOf(BugError);
  });

  it('is worth a repetition only for serialization failures and deadlocks, also once translated', () => {
    const answers = ['40001', '40P01', '23505', '57014'].map((code) => isRepeatable(translatePostgres(serverError(code), SHOWN)));
    expect(answers).toEqual([true, true, false, false]);
    expect(isRepeatable(new Error('x'))).toBe(false);
  });
});

function serverError(code: string, fields: { readonly table?: string; readonly detail?: string } = {}): Error {
  return Object.assign(new Error('as the server says it'), {
    severity: 'ERROR',
    code,
    detail: undefined,
    table: undefined,
    constraint: undefined,
    ...fields,
  });
}
