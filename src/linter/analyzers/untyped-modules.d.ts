/** Shapes of packages that ship no types: only what Lintel reads of them. */
declare module "stylelint-config-standard" {
  const config: { readonly rules: Readonly<Record<string, unknown>> };
  export default config;
}
declare module "stylelint-config-recommended" {
  const config: { readonly rules: Readonly<Record<string, unknown>> };
  export default config;
}
