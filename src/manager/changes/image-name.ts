/** Whether a word can be an image's name, told before a kubelet finds out that it cannot. Pure. */

/** As container registries define it: [HOST[:PORT]/]PATH[:TAG][@DIGEST]. What has neither a dot nor a port is no host but a path. */
const host = String.raw`(?=localhost/|[^/]*[.:])(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*(?::[0-9]+)?`;
const component = "[a-z0-9]+(?:(?:[._]|__|[-]+)[a-z0-9]+)*";
const pattern = new RegExp(`^(?:${host}/)?${component}(?:/${component})*(?::[\\w][\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?$`);

/** "" when it can be pulled, as far as its form goes; else what is wrong with it. */
export function imageProblem(image: string): string {
  if (pattern.test(image)) return "";
  const hint = /[A-Z]/.test(image.replace(/^(?:localhost|[^/]*[.:][^/]*)\//, "").replace(/[:@].*$/, "")) ? "; a repository's name is in lower case" : /\s/.test(image) ? "; it has a space in it" : image.endsWith(":") ? "; its tag is empty" : "";
  return `"${image}" is no image's name${hint}; expected one such as registry.example/lintel-python:0.18.0`;
}
