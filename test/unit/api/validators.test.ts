import { describe, expect, it, onTestFinished } from 'vitest';
import { buildApi } from '../../../src/api/index.ts';
import { Enrolment } from '../../../src/api/schemas.ts';
import { createValidatorCompiler } from '../../../src/api/validators.ts';
import { prepareApi } from './harness.ts';
import { checkReplies } from './reply-check.ts';

describe('request schemas', () => {
  it('all compile, though each is compiled only when its first request comes', async () => {
    const { deps } = await prepareApi();
    const app = buildApi(deps);
    onTestFinished(() => app.close());
    app.setValidatorCompiler(createValidatorCompiler({ eager: true }));
    await expect(app.ready()).resolves.toBeDefined();
  });

  it('that do not compile are found by that', async () => {
    const { deps } = await prepareApi();
    const app = buildApi(deps);
    onTestFinished(() => app.close());
    app.setValidatorCompiler(createValidatorCompiler({ eager: true }));
    app.register(async (scope) => {
      scope.get('/broken', { config: { access: 'reader' }, schema: { querystring: { type: 'object', propertys: {} } } }, async () => 'x');
    });
    await expect(app.ready()).rejects.toThrow('propertys');
  });
});

describe('reply schemas', () => {
  it('are held against every reply in these tests: a field too many, too few or of another type is noticed', async () => {
    const { deps } = await prepareApi();
    const app = buildApi(deps);
    onTestFinished(() => app.close());
    checkReplies(app);
    app.register(async (scope) => {
      scope.post('/echo', { config: { access: 'public' }, schema: { response: { 200: Enrolment.ref } } }, async (request) => request.body);
    });
    const status = async (payload: object) => (await app.inject({ method: 'POST', url: '/echo', payload })).statusCode;
    expect(await status({ mode: 'open', until: '2026-11-21T00:00:00.000Z' })).toBe(200);
    expect(await status({ mode: 'open', until: null, secret: 'x' })).toBe(500);
    expect(await status({ mode: 'open' })).toBe(500);
    expect(await status({ mode: 'ajar', until: null })).toBe(500);
    expect(await status({ mode: 'open', until: 'tomorrow' })).toBe(500);
  });
});
