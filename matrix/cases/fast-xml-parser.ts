import { XMLBuilder, XMLParser, XMLValidator } from 'fast-xml-parser'

export const input = '<?xml version="1.0"?><feed xmlns:a="urn:a"><!-- c --><entry id="1" a:lang="en"><title>A &lt;b&gt;</title><n>042</n><v>3.50</v></entry><entry id="2"><![CDATA[raw <x>]]><tag/><tag>t</tag></entry></feed>'

export function answer(xml: string) {
  const options = { ignoreAttributes: false, attributeNamePrefix: '@', cdataPropName: '#cdata', removeNSPrefix: true }
  const parsed = new XMLParser(options).parse(xml) as object
  return {
    parsed,
    ordered: new XMLParser({ preserveOrder: true }).parse(xml) as unknown,
    valid: XMLValidator.validate(xml),
    invalid: XMLValidator.validate('<a><b></a>'),
    built: new XMLBuilder({ ...options, format: true }).build(parsed) as string,
  }
}
