import { describe, expect, it } from 'vitest';
import { bodyOf, openApi, parsed } from './harness.ts';
import { anyOf } from './matchers.ts';

const HTTP_METHODS = ['get', 'put', 'post', 'delete', 'patch'];

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly spec: Record<string, unknown>;
}

async function description(): Promise<Record<string, unknown>> {
  const { get } = await openApi();
  return bodyOf(await get('/api/openapi.json'));
}

function operationsOf(document: Record<string, unknown>): Operation[] {
  const paths = parsed(JSON.stringify(document.paths));
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(parsed(JSON.stringify(item)))
      .filter(([method]) => HTTP_METHODS.includes(method))
      .map(([method, spec]) => ({ path, method, spec: parsed(JSON.stringify(spec)) })),
  );
}

describe('the OpenAPI document', () => {
  // Rewritten by: npx vitest run --config test/vitest.config.ts --project unit -u test/unit/api/openapi.test.ts
  it('is the one in docs/reference', async () => {
    const document = { ...(await description()), info: { title: 'Rackseed', version: 'of the release' } };
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('../../../docs/reference/openapi.json');
  });

  it('names every operation once, in words, and says how each fails', async () => {
    const operations = operationsOf(await description());
    expect(operations.length).toBeGreaterThan(15);
    const ids = operations.map(({ spec }) => spec.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { path, method, spec } of operations) {
      expect.soft(spec, `${method} ${path}`).toMatchObject({ operationId: anyOf(String), summary: anyOf(String), tags: [anyOf(String)] });
      expect.soft(spec.responses, `${method} ${path}`).toMatchObject({
        '4XX': { content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
      });
    }
  });

  it('has no reference that leads nowhere', async () => {
    const document = await description();
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(references.length).toBeGreaterThan(20);
    const schemas = Object.keys(parsed(JSON.stringify(parsed(JSON.stringify(document.components)).schemas)));
    for (const reference of new Set(references)) expect(schemas.map((name) => `#/components/schemas/${name}`)).toContain(reference);
  });

  it('asks for a token everywhere but at the health endpoints and where one signs in', async () => {
    const document = await description();
    expect(document.security).toEqual([{ bearer: [] }]);
    const open = operationsOf(document).filter(({ spec }) => JSON.stringify(spec.security) === '[]');
    expect(open.map(({ path }) => path).sort()).toEqual(['/api/session', '/api/setup', '/healthz', '/readyz']);
  });
});
