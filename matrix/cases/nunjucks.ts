import nunjucks from 'nunjucks'

const templates: Record<string, string> = {
  'base.njk': '<title>{% block title %}base{% endblock %}</title>{% block body %}{% endblock %}',
  'macros.njk': '{% macro row(item, cls="r") %}<li class="{{ cls }}">{{ item.name | upper }} {{ item.price | money }}</li>{% endmacro %}',
  'page.njk': '{% extends "base.njk" %}{% import "macros.njk" as m %}{% block title %}{{ super() }} {{ title }}{% endblock %}{% block body %}{% for item in items | sort(false, false, "price") %}{{ m.row(item, cls="x" if loop.first else "y") }}{% else %}none{% endfor %}{% set total = items | sum("price") %}{{ total }} {{ [3, 1] | join("-") }}{% endblock %}',
}
class MemoryLoader extends nunjucks.Loader {
  getSource(name: string) {
    return { src: templates[name]!, path: name, noCache: false }
  }
}
const environment = new nunjucks.Environment(new MemoryLoader(), { autoescape: true })
environment.addFilter('money', (n: number) => `${n.toFixed(2)} EUR`)

export const input = { title: '<T>', items: [{ name: 'tea', price: 3 }, { name: 'ice', price: 1.5 }] }

export function answer(data: typeof input) {
  return [environment.render('page.njk', data), environment.renderString('{{ a | default("x") }} {{ "%s" | replace("%s", b) | truncate(5) }}{% raw %}{{ }}{% endraw %}', { b: 'long enough text' })]
}
