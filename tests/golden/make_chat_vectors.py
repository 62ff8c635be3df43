#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes ../data/chat/vectors.json: templates, conversations and what Jinja2 makes of them in the environment that
chat templates are written for (trim_blocks, lstrip_blocks, raise_exception). Our own interpreter must agree.

Needs: pip install jinja2. Usage: make_chat_vectors.py
"""
import json
import pathlib

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

OUT = pathlib.Path(__file__).resolve().parent.parent / "data" / "chat" / "vectors.json"

BOS = "<\uff5cbegin\u2581of\u2581sentence\uff5c>"
EOS = "<\uff5cend\u2581of\u2581sentence\uff5c>"

SYSTEM = {"role": "system", "content": "Be kind.\nBe brief."}
USER = {"role": "user", "content": "Hello {{ 7 * 7 }} {% if %} <b>&amp;"}
ANSWER = {"role": "assistant", "content": " <think>hm</think> Hi! "}
AGAIN = {"role": "user", "content": "\u4f60\u597d \U0001f600"}
CALLS = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"type": "function", "function": {"name": "f", "arguments": "{\"x\": 1}"}},
        {"type": "function", "function": {"name": "g", "arguments": "{}"}},
    ],
}
RESULT = {"role": "tool", "content": "42"}

CONVERSATIONS = [[], [USER], [SYSTEM, USER], [SYSTEM, USER, ANSWER, AGAIN], [USER, CALLS, RESULT], [USER, ANSWER]]

TEMPLATES = [
    # white space
    "a\n  {% if true %}  \n  b\n{% endif %}\nc\n",
    "a \n {%- if true -%} \n b \n {%- endif -%} \n c",
    "x{% if true %}\n\n y{% endif %} \n",
    "  {% set x = 1 %}  {{ x }}  {# comment #}  \n  {# alone #}\nend{#- close -#}  \n !",
    "\t{%+ if true %} kept {%+ endif %}\n",
    "{{- ' a ' -}}  \n {{ ' b ' }}  ",
    "line\n   {{ 'x' }}\n   {% if false %}\n no\n   {% else %}\n   yes\n   {% endif %}\nrest\n\n",
    "{ not a tag } {a} {{ '{{' }} {{ '%}' }} { { % }",
    # values and operators
    "{{ 1 + 2 * 3 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 - 2 - 1 }} {{ 'a' ~ 1 ~ true ~ none }}",
    "{{ 1 < 2 }} {{ 2 <= 1 }} {{ 1 == 1 }} {{ 'a' != 'b' }} {{ 1 < 2 < 3 }} {{ none == none }} {{ 1 == '1' }}",
    "{{ 'b' in 'abc' }} {{ 'x' not in 'abc' }} {{ 2 in [1, 2] }} {{ not 1 in [2] }} {{ '' in '' }}",
    "{{ true and '' or 'last' }} {{ 0 or none }} {{ not '' }} {{ not not 1 }} {{ (1 or 2) and 3 }}",
    "{{ 'yes' if messages else 'no' }} {{ 'only' if false }} {{ 'a' if true else 'b' if true else 'c' }}",
    "{{ x }}|{{ x is defined }}|{{ x is not defined }}|{{ not x is defined }}|{{ none is none }}|{{ x is none }}",
    "{{ 'it\\'s\\n\\t\\\\' }} {{ \"double 'quoted'\" }} {{ 'con' 'cat' }} {{ 'raw\nnewline' }}",
    "{{ 'a,b,,c'.split(',')[-1] }}{{ 'a,b,,c'.split(',')[2] }}{{ 'abc'[1] }}{{ 'abc'[-1] }}{{ 'abcdef'[1:3] }}{{ 'abc'[:-1] }}",
    "{{ '  x '.strip() }}|{{ '  x '.lstrip() }}|{{ '  x '.rstrip() }}|{{ 'abc'.startswith('ab') }}|{{ 'abc'.endswith('b') }}",
    "{{ '  x ' | trim }}|{{ 'abc' | length }}|{{ [1, 2, 3] | last }}|{{ [4] | first }}|{{ u | default('d') }}|{{ 5 | string }}",
    "{{ '\u4f60\u597d'[1] }}{{ '\u4f60\u597d' | length }}{{ '\u4f60\u597d\U0001f600!'[1:3] }}",
    "{% set a = [1, 'two', none] %}{{ a[1] }}{{ a[0] + 1 }}{{ a[2] is none }}{{ a[1] is string }}{{ a is iterable }}",
    # statements
    "{% for i in range(3) %}{{ i }}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.length }};{% endfor %}",
    "{% set x = 'out' %}{% for i in [1, 2] %}{{ x }}{% set x = 'in' %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(n=0, s='') %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.s = m['role'] %}{% endfor %}{{ ns.n }}{{ ns.s }}{{ ns.missing }}",
    "{% for m in messages %}{% if m.role == 'user' %}U{% elif m.role == 'assistant' %}A{% elif m.role == 'tool' %}T{% else %}S{% endif %}{% endfor %}",
    "{% for m in messages %}{% if loop.index0 == 0 and m['role'] == 'system' %}[{{ m['content'] }}]{% else %}{{ m.content }};{% endif %}{% endfor %}",
    "{% for m in messages if_ %}{% endfor %}",
    # like published templates
    "{{ bos_token }}{% for m in messages %}{{ m['role'] + ': ' }}{% if m['content'] is not none %}{{ m['content'] }}{% endif %}{{ eos_token }}\n{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}",
    "{% if messages and messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set system = 'none' %}{% set rest = messages %}{% endif %}{{ system }}{% for m in rest %}|{{ m.role }}{% endfor %}",
    "{% for m in messages %}{% if m['role'] == 'system' %}{{ raise_exception('no system messages here') }}{% endif %}{{ m['role'] }}{% endfor %}",
    "{% for m in messages %}{% if 'tool_calls' in m %}{% for t in m['tool_calls'] %}{{ t['function']['name'] }}({{ t.function.arguments }}){% if not loop.last %}, {% endif %}{% endfor %}{% elif m.content is string %}{% set c = m.content %}{% if '</think>' in c %}{% set c = c.split('</think>')[-1] %}{% endif %}<{{ c }}>{% endif %}{% endfor %}",
    "{%- for m in messages %}\n    {%- if m['role'] == 'user' %}\n        {{- 'Q: ' + m['content'] }}\n    {%- else %}\n        {{- m['role'] }}\n    {%- endif %}\n{%- endfor %}\n",
    # what republished templates add
    "{% for m in messages %}{% for k, v in m.items() %}{{ k }}{% if v is string %}={{ v }}{% endif %};{% endfor %}{% endfor %}",
    "{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }}{{ m.role }},{% else %}nobody{% endfor %}",
    "{% for m in messages %}{% if loop.previtem is defined %}{{ loop.previtem.role }}>{% endif %}{{ m.role }}{{ loop.revindex }}{{ loop.revindex0 }} {% endfor %}",
    "{% for m in messages %}{{ m.get('name', 'nobody') }}{{ m.get('content') is none }}{{ m['role'].upper() }}{{ m.role | capitalize }}{{ m.role.title() }}{% endfor %}",
    "{% for m in messages %}{{ m | tojson }}\n{{ m | tojson(indent=2) }}{% endfor %}{{ [] | tojson }}{{ [1, none, true, 'a\"\\\\\\n\\t\x01\u00e9'] | tojson(indent=4) }}",
    "{{ ['a', 1, true] | join('-') }}{{ ['x', 'y'] | join }}{{ 'banana' | replace('an', '_') }}{{ 'banana'.replace('a', '') }}",
    "{{ ' a  b\tc '.split() | length }}{{ 'a,b,c'.split(',', 1)[1] }}{{ 'xxayx'.strip('x') }}{{ 'xxa'.lstrip('x') }}{{ 'ab' * 3 }}|{{ 2 * '-' }}|{{ 'a' * 0 }}",
    "{{ '' | default('d', true) }}{{ 3 is odd }}{{ 4 is even }}{{ true is boolean }}{{ 1 is number }}{{ 'a' is number }}{{ 1 is integer }}",
    "{% for c in [[1, 'a'], [2, 'b']] %}{{ c[0] }}{{ c[1] }}{% endfor %}{% for n, c in [[1, 'a'], [2, 'b']] %}{{ n }}{{ c }}{% endfor %}{% for x in [] %}no{% else %}none{% endfor %}",
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] | trim + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "{% if messages and messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% endif %}{% if system_message is defined %}{{ system_message }}{% endif %}{% for message in loop_messages %}{% set content = message['content'] %}{% if message['role'] == 'user' %}{{ 'User: ' + content + '\n\nAssistant:' }}{% elif message['role'] == 'assistant' %}{{ content + eos_token }}{% endif %}{% endfor %}",
    "{%- set ns = namespace(system='', last=none) -%}{%- for m in messages -%}{%- if m.role == 'system' -%}{%- set ns.system = ns.system ~ m.content -%}{%- endif -%}{%- set ns.last = m.role -%}{%- endfor -%}{{- bos_token -}}{{- ns.system -}}{%- if tools is defined and tools -%}{{ tools | tojson }}{%- endif -%}{%- for m in messages -%}{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}odd{%- endif -%}{%- if m.role == 'assistant' and m.content is string -%}{{- m.content.split('</think>') | last -}}{%- endif -%}{%- endfor -%}",
    "{% if not thinking is defined %}{% if enable_thinking is defined %}{% set thinking = enable_thinking %}{% else %}{% set thinking = false %}{% endif %}{% endif %}{% for m in messages %}{% if m['role'] == 'assistant' and (m['tool_calls'] is not defined or m['tool_calls'] is none) %}{% if m['prefix'] is defined and m['prefix'] and thinking %}{{ '<think>' }}{% else %}{{ '</think>' }}{% endif %}{% set content = m['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>', 1)[1] %}{% endif %}{{ content + eos_token }}{% endif %}{% endfor %}",
    # faults
    "{{ messages[0].role }}",
    "{{ 'a' + 1 }}",
    "{{ none + 'a' }}",
    "{{ x.y }}",
    "{{ unknown_function() }}",
    "{% for i in 5 %}{% endfor %}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{{ 'a' | no_such_filter }}",
    "{{ 1 is no_such_test }}",
    "{{ 'a'.no_such_method() }}",
    "{% if true %}",
    "{{ 'open }}",
    "{% endfor %}",
]


def refuse(message):
    raise TemplateError(message)


def main():
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    # As transformers defines it; Jinja's own one escapes for HTML.
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(value, ensure_ascii=False, indent=indent)
    cases = []
    for source in TEMPLATES:
        uses_messages = "messages" in source
        for messages in CONVERSATIONS if uses_messages else [[]]:
            for prompt in (True, False) if "add_generation_prompt" in source else (True,):
                try:
                    expected = environment.from_string(source).render(
                        messages=messages, add_generation_prompt=prompt, bos_token=BOS, eos_token=EOS
                    )
                except (TemplateError, TypeError, ValueError):
                    expected = None
                cases.append(
                    {"source": source, "messages": messages, "add_generation_prompt": prompt, "expected": expected}
                )
    # One case per line; conversations are told by their number.
    lines = []
    for case in cases:
        case["messages"] = CONVERSATIONS.index(case["messages"])
        lines.append(json.dumps(case, ensure_ascii=True))
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(
        '{"bos": %s, "eos": %s,\n"conversations": %s,\n"cases": [\n%s\n]}\n'
        % (json.dumps(BOS), json.dumps(EOS), json.dumps(CONVERSATIONS), ",\n".join(lines))
    )


main()
