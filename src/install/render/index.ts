// What others need of rendering: templates, the document of a plan, and the answer made of it.

export { type AnsweredPlan, type AnswerOrder, type AnswerSecrets, type RenderedAnswer, renderAnswer } from './answer-render.ts';
export { type DocumentParts, type InstallDefaults, type PlannedDocument, planDocument } from './document-render.ts';
export { type AnswerDrafts, createAnswerDrafts, type Draft, type DraftOrder } from './drafts.ts';
export { type FactSources, factsOf, type MachineFacts, machineFacts, managementMacOf, type Variables } from './facts.ts';
export { faultText, type PlacedFault, placed } from './placed.ts';
export { type AnswerPreview, type AnswerPreviews, createAnswerPreviews, type LastPlan, type PreviewOrder } from './previews.ts';
export { createRootPasswords, type RootPassword, type RootPasswords } from './root-passwords.ts';
export { type AnswerTemplates, createAnswerTemplates, type TemplateDirectories, type TemplateEntry } from './templates.ts';
