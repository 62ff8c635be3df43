# SPDX-License-Identifier: MIT
"""Generated dialogues in which the answer takes words from the conversation (written for this project): names and
favourites remembered, things looked up in a sentence, lists, small rewrites, yes or no, words said again.

A small model learns to copy only where it cannot learn by heart. So the words to copy come from long lists, and a
part of the names is made up from syllables.
"""
from synth_core import Grammar, an, cap
import synth_stories as st

G = Grammar()

NAMES = (st.GIRLS + st.BOYS) + (
    "Abby Ada Agnes Alan Albert Alice Alina Amanda Amir Andrea Andy Angela Anita April Arthur Astrid Barbara Beth Bill Bob Boris Brian Camila Carla Carmen "
    "Carol Cathy Cecil Chen Chloe Chris Cora Dana Dario David Diana Diego Dora Doris Edgar Edith Elena Eliot Emil Emily Erik Esther Ethan Fatima Felicia "
    "Fiona Flora Frank Fred Freya George Gina Gloria Greta Hannah Harry Heidi Helen Henry Holly Ian Ida Igor Ines Ingrid Irene Isaac Jacob Jade James Janet Jasmine "
    "Jenny Jim Joan John Jonas Josef Joy Judy Julia Karim Karl Kim Kofi Lars Laura Lea Lena Leon Linda Lisa Lola Lorenzo Louis Louise Luca Lukas Lydia Magda Marco "
    "Maria Marie Marta Martin Mary Matteo Matilda Maurice Mike Mina Mira Mona Monica Naomi Nathan Neil Nico Nils Noor Olaf Olga Olive Oliver Pam Pat Pedro Penny Petra Phil "
    "Rachel Ralph Rana Rebecca Rex Robert Robin Roger Ron Rose Roy Sally Salma Sandra Sasha Selma Simon Sonia Stella Steve Susan Sven Tamara Ted Tess Theresa Thomas Tilda "
    "Tony Ursula Vera Vic Victor Viola Walter Wanda Yara Yusuf Zara").split()
SYLLABLES = ("ba be bo bri da de do dra el fa fi flo ga ge gri ha hol in ja jo ka kel kit la le lin lo lu ma mel mi mo na nel ni no or pa pim po qua ra ri ro rus sa sel shi so "
             "ta tel ti to tra u va ven vi wa wi xa ya yo za zim zo").split()
ENDS = "n r l s x nd ra lo na ko mi bert ton ley ka do rin la".split()
CITIES = ("London Paris Rome Madrid Lisbon Berlin Vienna Prague Oslo Dublin Athens Cairo Nairobi Accra Lima Toronto Boston Chicago Denver Seattle Tokyo Kyoto Osaka Seoul Beijing Shanghai "
          "Hanoi Bangkok Manila Delhi Mumbai Sydney Perth Helsinki Warsaw Budapest Zurich Geneva Brussels Amsterdam Hamburg Munich Milan Naples Venice Florence Porto Seville Istanbul Moscow "
          "Dallas Miami Montreal Bogota Santiago Havana Dakar Tunis").split()
COLORS = "red blue green yellow orange purple pink white black brown gray golden silver".split()
ANIMALS = ("dog cat horse cow pig sheep goat duck rabbit mouse fox wolf bear deer lion tiger elephant giraffe zebra monkey panda kangaroo koala penguin owl eagle parrot frog turtle "
           "snake shark whale dolphin octopus crab bee butterfly ant snail hedgehog camel squirrel swan crow hamster donkey seal bat beaver otter").split()
FOODS = ("pizza soup rice pasta noodles pancakes chocolate bread salad cheese honey popcorn potatoes beans fish chicken eggs sandwiches cookies cake dumplings carrots mushrooms "
         "tomatoes corn porridge waffles curry tacos ice_cream apple_pie").replace("_", "-").split()
FRUITS = "apples bananas oranges grapes pears cherries strawberries peaches plums melons lemons mangoes kiwis figs apricots blueberries".split()
HOBBIES = "reading drawing cooking gardening singing dancing painting fishing swimming running skating cycling knitting climbing hiking writing sewing baking".split()
DRINKS = "tea milk water juice coffee lemonade cocoa".split()
JOBS = "doctor teacher farmer baker pilot firefighter nurse cook painter writer singer dentist gardener builder tailor scientist driver astronaut carpenter".split()
THINGS = ("ball kite doll drum hat scarf balloon bell puzzle lantern umbrella bucket blanket backpack bike boat book box cup chair table lamp clock coat key map mug pen pencil pillow "
          "plate ring shoe spoon sock stone sweater telescope ticket train violin wagon watch wheel whistle window vase carpet basket bottle brush button camera candle flag fork "
          "glove jacket ladder guitar piano phone mirror rope truck").split()
PLACES = ("garden kitchen park school library forest bathroom bedroom cellar attic barn shop market station museum zoo office hospital bakery cave castle tent tower meadow "
          "playground street field harbor").split()
SMALL = "small big old new long round heavy soft shiny dirty clean broken wooden warm cold strange".split()
WEEK = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
NUMBERS = "two three four five six seven eight nine ten eleven twelve".split()
KEPT_BACK = {"zelda", "quentin", "marlow"}  # words of the evaluation


def made_up(r):
    word = "".join(r.choice(SYLLABLES) for _ in range(r.choice([1, 2, 2]))) + r.choice(ENDS)
    return word if word not in KEPT_BACK else "tomo"


def name(r):
    return cap(made_up(r)) if r.random() < 0.3 else r.choice(NAMES)


def pick(r, *lines, **context):
    return G.expand(r.choice(lines), context, r)


def typed(r, text):
    """The way people really type."""
    if r.random() < 0.25:
        text = text.rstrip(".!?") or text if r.random() < 0.6 else text
        if not text.startswith(("I ", "I'")) and r.random() < 0.6:
            text = text[0].lower() + text[1:]
    return text


# ------------------------------------------------------------------ things to remember: (told, answered, asked, recalled)
def m_name(r, s):
    n = s["name"] = name(r)
    return (pick(r, "My name is {n}.", "I am {n}.", "I'm {n}.", "my name is {n}", "Call me {n}.", "Hi, I am {n}.", "Hello, my name is {n}.", "Hello! I'm {n}.", "People call me {n}.", "You can call me {n}.", "The name is {n}.", n=n),
            pick(r, "Nice to meet you, {n}!", "Nice to meet you, {n}! [I am Fathom.|How are you?|What do you like to do?]", "Hello, {n}! [How are you today?|I am Fathom.|]", "Hi, {n}! It is nice to meet you.", "{n} is a lovely name!", "Hello {n}, I am Fathom.", n=n),
            pick(r, "What is my name?", "What's my name?", "Do you remember my name?", "Who am I?", "Do you know my name?", "what is my name", "Can you tell me my name?", "Tell me my name.", "Say my name.", "Did you forget my name?", "What am I called?"),
            pick(r, "Your name is {n}.", "Your name is {n}!", "You are {n}.", "You told me your name is {n}.", n=n))


def m_fav(r, s):
    k, v = r.choice([("color", r.choice(COLORS)), ("animal", r.choice(ANIMALS)), ("food", r.choice(FOODS)), ("fruit", r.choice(FRUITS)), ("hobby", r.choice(HOBBIES)), ("drink", r.choice(DRINKS)), ("day", r.choice(WEEK)), ("number", r.choice(NUMBERS)), ("season", r.choice(["spring", "summer", "fall", "winter"])), ("thing", "my " + r.choice(THINGS))])
    if k == "animal":
        v = "the " + v if r.random() < 0.3 else v
    yours = v.replace("my ", "your ")
    return (pick(r, "My favorite {k} is {v}.", "my favorite {k} is {v}", "{V} is my favorite {k}.", "I like many things, but my favorite {k} is {v}.", k=k, v=v),
            pick(r, "{V} is a good choice!", "{V}? That is nice!", "Oh, {v}! I like that.", "{V} is great.", "Good choice! {V} is lovely.", "I will remember that: {v}.", k=k, v=yours),
            pick(r, "What is my favorite {k}?", "What's my favorite {k}?", "Do you remember my favorite {k}?", "Which {k} do I like best?", "Tell me my favorite {k}.", k=k),
            pick(r, "Your favorite {k} is {v}.", "Your favorite {k} is {v}!", k=k, v=yours))


def m_pet(r, s):
    a, n = r.choice(["dog", "cat", "rabbit", "hamster", "bird", "fish", "turtle", "parrot", "pony", "mouse", "goat", "duck", "horse", "puppy", "kitten"]), r.choice([name(r), r.choice(st.PETS)])
    return (pick(r, "I have a {a} named {n}.", "I have a {a} called {n}.", "My {a} is called {n}.", "My {a}'s name is {n}.", "This is my {a} {n}.", "We have a {a}. Its name is {n}.", a=a, n=n),
            pick(r, "{n} is a lovely name for a {a}!", "How sweet! What does {n} like to do?", "A {a}! {n} must be a good friend.", "{n} sounds like a nice {a}.", "How nice! Give {n} a hug from me.", a=a, n=n),
            pick(r, "What is the name of my {a}?", "What is my {a}'s name?", "What is my {a} called?", "Do you remember my {a}'s name?", "How is my {a} called?", a=a),
            pick(r, "Your {a} is called {n}.", "Your {a}'s name is {n}.", "The name of your {a} is {n}.", a=a, n=n))


def m_city(r, s):
    c = r.choice(CITIES + [name(r) + r.choice(["ville", "ton", "stadt", "burg", " Bay"])] * 8)
    return (pick(r, "I live in {c}.", "I am from {c}.", "I come from {c}.", "My home is in {c}.", "i live in {c}", c=c),
            pick(r, "Oh, {c}! Is it nice there?", "{c} sounds like a nice place.", "I would like to see {c} one day.", "{c}! What do you like about it?", c=c),
            pick(r, "Where do I live?", "Where am I from?", "Do you remember where I live?", "Where is my home?", "Do you know where I live?"),
            pick(r, "You live in {c}.", "You told me that you live in {c}.", "Your home is in {c}.", c=c))


def m_family(r, s):
    k, n = r.choice(["sister", "brother", "friend", "best friend", "mother", "father", "grandma", "grandpa", "teacher", "cousin", "aunt", "uncle", "son", "daughter", "neighbor"]), name(r)
    return (pick(r, "My {k} is called {n}.", "My {k}'s name is {n}.", "I have a {k} named {n}.", "{n} is my {k}.", k=k, n=n),
            pick(r, "{n} is a nice name.", "Say hello to {n} from me!", "Is {n} nice to you?", "Tell me more about {n}.", "It is good to have a {k} like {n}.", k=k, n=n),
            pick(r, "What is my {k}'s name?", "What is the name of my {k}?", "What is my {k} called?", "Do you remember my {k}'s name?", k=k),
            pick(r, "Your {k}'s name is {n}.", "Your {k} is called {n}.", "The name of your {k} is {n}.", k=k, n=n))


def m_thing(r, s):
    t, c = r.choice(THINGS), r.choice(COLORS)
    return (pick(r, "I have {a:c} {t}.", "I got {a:c} {t} today.", "My {t} is {c}.", "I bought {a:c} {t}.", c=c, t=t),
            pick(r, "A {c} {t} sounds nice!", "{C} is a good color for a {t}.", "How nice! Do you like your {t}?", "I would like to see your {t}.", c=c, t=t),
            pick(r, "What color is my {t}?", "Which color does my {t} have?", "Do you remember the color of my {t}?", t=t),
            pick(r, "Your {t} is {c}.", "It is {c}.", "Your {t} is {c}!", t=t, c=c))


def m_job(r, s):
    j = r.choice(JOBS)
    return (pick(r, "I am {a:j}.", "I work as {a:j}.", "My job is {j}.", "I want to be {a:j}.", j=j), pick(r, "{A:j}! That is an important job.", "It must be interesting to be {a:j}.", "How nice! Do you like it?", j=j),
            pick(r, "What is my job?", "Do you remember my job?", "What did I say my job is?"), pick(r, "You told me about being {a:j}.", "Your job is {j}.", j=j))


def m_age(r, s):
    n = str(r.randint(4, 60))
    return (pick(r, "I am {n} years old.", "I'm {n}.", "I am {n}.", n=n), pick(r, "{n} is a good age!", "{n} years! That is nice.", "Wow, {n} years old! I am very young.", n=n),
            pick(r, "How old am I?", "Do you remember how old I am?", "What is my age?"), pick(r, "You are {n} years old.", "You are {n}.", n=n))


MEMORY = [m_name, m_name, m_name, m_fav, m_fav, m_fav, m_pet, m_pet, m_city, m_family, m_thing, m_job, m_age]


def filler(r, s):
    """A short exchange between the telling and the asking."""
    u = s.get("name")
    end = [", " + u] if u and r.random() < 0.3 else [""]
    k = r.random()
    if k < 0.2:
        return (pick(r, "How are you?", "How are you today?", "Are you well?"), pick(r, "I am fine, thank you%s! And you?" % end[0], "I am well. How are you%s?" % end[0], "Very well, thanks for asking!"))
    if k < 0.35:
        return (pick(r, "What is your name?", "Who are you?", "And you?"), pick(r, "I am Fathom, a tiny demonstration model.", "My name is Fathom.", "I am Fathom."))
    if k < 0.5:
        return (pick(r, "Thank you.", "Thanks!", "That is kind."), pick(r, "You are welcome%s!" % end[0], "You are welcome. What shall we do?"))
    if k < 0.65:
        return (pick(r, "I am [happy|glad|in a good mood] today.", "It is a nice day.", "The sun is shining."), pick(r, "I am glad to hear that%s!" % end[0], "How nice%s!" % end[0], "That is wonderful."))
    if k < 0.8:
        return (pick(r, "I am a bit tired.", "I had a long day.", "It is raining today."), pick(r, "Then take a little rest%s." % end[0], "I hope you can rest soon.", "A cup of tea may help."))
    return echo(r)


def follow(r, bot):
    """The user's reply to a question of ours and what we say to it, or nothing."""
    if bot.endswith(("Is it nice there?", "What do you like about it?", "Is it nice to live there?")):
        x = r.choice(["the sea", "the parks", "the food", "the people", "the old houses", "the river", "the mountains"])
        return [(pick(r, "Yes, I like {x}.", "I like {x}.", "It is nice. I like {x} best.", x=x), pick(r, "{X} must be lovely.", "I would like to see {x}.", "How nice! Tell me more about {x}.", x=x))]
    if bot.endswith(" nice to you?"):
        return [(pick(r, "Yes, very nice.", "Yes.", "Most of the time."), pick(r, "That is good to hear.", "I am glad about that."))]
    if "Do you like your" in bot or bot.endswith("Do you like it?"):
        return [(pick(r, "Yes, I do.", "Yes, very much!", "Yes", "A little."), pick(r, "That is nice!", "I am glad.", "Good! Have fun."))]
    if bot.endswith("What do you like to do?"):
        x = r.choice(HOBBIES)
        return [(pick(r, "I like {x}.", "I love {x}.", "{X}", "I like {x} best.", x=x), pick(r, "{X} is fun!", "{X} sounds nice. Do you do it every day?", "Oh, {x}! That is a good thing to do.", x=x))]
    if "like to do?" in bot:
        x = r.choice(["sleep", "run", "play", "eat", "jump", "sing", "hide"])
        return [(pick(r, "It likes to {x}.", "Mostly {x}.", "It can {x} all day.", x=x), pick(r, "How sweet! It can {x} all day.", "I would like to {x} too!", "To {x} is a good life.", x=x))]
    if bot.endswith(("How are you today?", "How are you?", "And you?", "Are you well?", "How was your day?")):
        return [r.choice([
            (pick(r, "I am fine.", "Good, thank you.", "I'm fine, thanks!", "Very well.", "great", "good"), pick(r, "I am glad to hear that! What shall we talk about?", "That is good! Do you want to hear a story?", "Good to hear!")),
            (pick(r, "I am tired.", "A bit tired.", "so tired"), pick(r, "Then take a little rest. Shall I tell you a bedtime story?", "I hope you can sleep well tonight.")),
            (pick(r, "Not so good.", "I am sad.", "Bad."), pick(r, "I am sorry to hear that. What happened?", "Oh, I am sorry. Do you want to tell me about it?")),
        ])]
    if bot.endswith("Do you want to tell me about it?") or bot.endswith("What happened?"):
        return [(pick(r, "I lost my {x}.", "My {x} is broken.", "I can't find my {x}.", x=r.choice(THINGS)), pick(r, "I am sorry about that. I hope it will be better soon.", "That is sad. I hope you feel better soon."))]
    return []


def memory(r):
    """Tells one to three things, asks for some of them, each time after other talk or none."""
    s, told, out = {}, [], []
    if r.random() < 0.3:
        out.append((pick(r, "Hello!", "Hi", "Hello", "Hi there!", "Good morning!", "Hey"), pick(r, "Hello! How are you today?", "Hi! How can I help you?", "Hello! I am Fathom.", "Hi there! Nice to see you.")))
    kinds = []
    for make in r.sample(MEMORY, r.choice([1, 1, 1, 2, 2, 3])):
        if make in kinds:
            continue
        kinds.append(make)
        one = make(r, s)
        told.append(one)
        out.append((typed(r, one[0]), one[1]))
        if r.random() < 0.4:
            out += follow(r, one[1])
        if r.random() < 0.3:
            out.append(filler(r, s))
    if m_name in kinds and r.random() < 0.12:  # the later word counts
        n = s["name"] = name(r)
        out.append((pick(r, "Sorry, my name is {n}.", "No, I am {n}.", "Actually, my name is {n}.", "I meant {n}. My name is {n}.", n=n), pick(r, "Oh, sorry! Hello, {n}.", "Thank you, {n}. Now I know.", "I see. Nice to meet you, {n}!", n=n)))
        told = [one for make, one in zip(kinds, told) if make is not m_name]
        told.append(("", "", pick(r, "What is my name?", "Do you know my name?"), "Your name is %s." % n))
    for one in r.sample(told, r.randint(1, len(told))):
        out.append((typed(r, one[2]), one[3]))
    if r.random() < 0.25:
        end = ", " + s["name"] if "name" in s else ""
        out.append((pick(r, "Bye!", "Goodbye.", "I have to go now.", "See you!"), pick(r, "Goodbye%s!" % end, "Bye%s! Have a nice day!" % end, "See you soon%s!" % end)))
    return out


def unknown_memory(r):
    """Asked for what was never told."""
    k = r.choice(["name", "favorite color", "favorite animal", "dog's name", "favorite food"])
    out = [filler(r, {})] if r.random() < 0.4 else []
    return out + [(typed(r, pick(r, "What is my {k}?", "Do you know my {k}?", k=k)), pick(r, "You did not tell me yet. What is your {k}?", "I don't know. Please tell me your {k}.", k=k))]


# ------------------------------------------------------------------ words said again, lists, rewriting
def words(r, n):
    pool = r.choice([THINGS, ANIMALS, FRUITS, COLORS, FOODS, NAMES, THINGS + ANIMALS + COLORS + PLACES + SMALL])
    return r.sample(pool, min(n, len(pool)))


def sentence(r):
    n, t, c, p, a = name(r), r.choice(THINGS), r.choice(COLORS), r.choice(PLACES), r.choice(ANIMALS)
    return pick(r, "The {a} is in the {p}.", "{n} has {a:c} {t}.", "The {t} is {c}.", "{n} likes the {c} {t}.", "{n} is in the {p}.", "{n} and the {a} are friends.", "I see {a:c} {t} in the {p}.", "{n} went to the {p} with {a:a}.", "A {c} {a} sat on the {t}.", n=n, t=t, c=c, p=p, a=a)


def echo(r):
    k = r.random()
    if k < 0.35:
        t = " ".join(words(r, r.randint(1, 6)))
        return pick(r, "Repeat after me: {t}", "Say: {t}", "Repeat: {t}", "Please repeat these words: {t}", "Say \"{t}\".", t=t), cap(t) + "."
    if k < 0.6:
        t = sentence(r)
        return pick(r, "Repeat after me: {t}", "Say: {t}", "Please repeat this: {t}", "Write this sentence again: {t}", t=t), t
    if k < 0.8:
        t, n = r.choice(words(r, 3) + [name(r)]), r.choice([2, 3])
        return pick(r, "Say {t} {n} times.", "Write {t} {n} times.", "Say the word {t} {n} times.", t=t, n={2: "two", 3: "three"}[n]), cap(", ".join([t] * n)) + "."
    n = name(r)
    return pick(r, "Say hello to {n}.", "Please greet {n}.", "Say hi to my friend {n}.", "This is my friend {n}.", n=n), pick(r, "Hello, {n}!", "Hello {n}! Nice to meet you.", n=n)


def listing(r):
    v = words(r, r.choice([2, 3, 3, 3, 4, 5]))
    flat = ", ".join(v[:-1]) + " and " + v[-1]
    k = r.random()
    if k < 0.5:
        return pick(r, "Make a list: {v}.", "Write a list of these things: {v}.", "Make a list of {v}.", "Put this in a list: {v}.", "Write this as a list: {v}", v=flat), "\n".join("%d. %s" % (i + 1, cap(x)) for i, x in enumerate(v))
    if k < 0.65:
        return pick(r, "I need {v}. Make a shopping list.", "Write a shopping list with {v}.", v=flat), "Here is your list:\n" + "\n".join("- " + x for x in v)
    if k < 0.8:
        which, i = r.choice([("first", 0), ("last", -1)])
        return pick(r, "Which word is {w}: {v}?", "What is the {w} word: {v}?", w=which, v=", ".join(v)), pick(r, "The {w} word is {x}.", w=which, x=v[i])
    if k < 0.9:
        return pick(r, "How many words are these: {v}?", "How many things: {v}?", v=", ".join(v)), "There are %s: %s." % ("zero one two three four five".split()[len(v)], flat)
    x = r.choice(v)
    return pick(r, "Choose one: {v}.", "Pick one: {v}.", "Which one do you like: {v}?", v=flat.replace(" and ", " or ")), pick(r, "I choose {x}.", "I like {x}.", "I take {x}!", x=x)


def rewrite(r):
    n, o, t, c, p, a = name(r), name(r), r.choice(THINGS), r.choice(COLORS), r.choice(PLACES), r.choice(ANIMALS)
    d = r.choice([x for x in COLORS if x != c])
    k = r.randrange(8)
    if k == 0:
        s = pick(r, "{N} has {a:c} {t}.", "{N} is in the {p}.", "{N} likes {a:a}.", "{N} plays with the {t}.", "{N} lives near the {p}.", N="@@", c=c, t=t, p=p, a=a)
        return pick(r, "Write this with {o} instead of {n}: {s}", "Change {n} to {o}: {s}", "Put {o} in place of {n}: {s}", n=n, o=o, s=s.replace("@@", n)), s.replace("@@", o)
    if k == 1:
        return pick(r, "Make it {d}: The {t} is {c}.", "Change the color to {d}: The {t} is {c}.", "Write it with {d}: The {t} is {c}.", d=d, t=t, c=c), "The %s is %s." % (t, d)
    if k == 2:
        return pick(r, "Make a question: {n} is in the {p}.", "Turn this into a question: {n} is in the {p}.", "Ask if {n} is in the {p}.", n=n, p=p), "Is %s in the %s?" % (n, p)
    if k == 3:
        s, x = r.choice([("The %s is %s." % (t, c), "The %s is not %s." % (t, c)), ("%s is in the %s." % (n, p), "%s is not in the %s." % (n, p))])
        return pick(r, "Say the opposite with not: {s}", "Make this negative: {s}", "Put not into this: {s}", s=s), x
    if k == 4:
        w = r.choice(["Give me the %s" % t, "Bring me the %s" % t, "Open the %s" % t, "Show me the %s" % t, "Close the %s" % t])
        return pick(r, "Say this politely: {w}!", "Make this polite: {w}.", "Say it in a nice way: {w}!", w=w), pick(r, "Could you please {x}?", "Please {x}.", x=w[0].lower() + w[1:])
    if k == 5:
        s = r.choice([("%s is in the %s." % (n, p), "%s was in the %s." % (n, p)), ("The %s is %s." % (t, c), "The %s was %s." % (t, c)), ("%s has a %s." % (n, t), "%s had a %s." % (n, t)), ("%s sees the %s." % (n, a), "%s saw the %s." % (n, a)), ("%s goes to the %s." % (n, p), "%s went to the %s." % (n, p))])
        return pick(r, "Write this in the past: {s}", "Say this about yesterday: {s}", s=s[0]), s[1]
    if k == 6:
        return pick(r, "Make one sentence: {n} has a {t}. The {t} is {c}.", "Join these: {n} has a {t}. The {t} is {c}.", n=n, t=t, c=c), "%s has %s %s." % (n, an(c), t)
    x, y = r.sample(THINGS + ANIMALS, 2)
    return pick(r, "Write a sentence with {x} and {y}.", "Use {x} and {y} in a sentence.", x=x, y=y), pick(r, "The {x} is next to the {y}.", "I see {a:x} and {a:y}.", "There is {a:x} near the {y}.", x=x, y=y)


# ------------------------------------------------------------------ looked up in a sentence, yes or no
def lookup(r):
    k = r.randrange(7)
    if k == 0:
        people = [name(r) for _ in range(r.choice([1, 2, 2, 3]))]
        places = r.sample(PLACES, len(people))
        i = r.randrange(len(people))
        text = " ".join("%s is in the %s." % pair for pair in zip(people, places))
        if r.random() < 0.5:
            return "%s Where is %s?" % (text, people[i]), pick(r, "{n} is in the {p}.", n=people[i], p=places[i])
        return "%s Who is in the %s?" % (text, places[i]), "%s is in the %s." % (people[i], places[i])
    if k == 1:
        people = [name(r) for _ in range(r.choice([1, 2, 2]))]
        colors, things = r.sample(COLORS, len(people)), r.sample(THINGS, len(people))
        i = r.randrange(len(people))
        text = " ".join("%s has %s %s." % (n, an(c), t) for n, c, t in zip(people, colors, things))
        return r.choice([("%s What color is the %s?" % (text, things[i]), "The %s is %s." % (things[i], colors[i])), ("%s Who has the %s?" % (text, things[i]), "%s has the %s." % (people[i], things[i])), ("%s What does %s have?" % (text, people[i]), "%s has %s %s." % (people[i], an(colors[i]), things[i]))])
    if k == 2:
        t, c = r.choice(THINGS), r.choice(COLORS)
        d = c if r.random() < 0.5 else r.choice([x for x in COLORS if x != c])
        return "The %s is %s. Is the %s %s?" % (t, c, t, d), ("Yes, the %s is %s." % (t, c)) if c == d else "No, the %s is %s." % (t, c)
    if k == 3:
        n, p = name(r), r.choice(PLACES)
        q = p if r.random() < 0.5 else r.choice([x for x in PLACES if x != p])
        return "%s is in the %s. Is %s in the %s?" % (n, p, n, q), ("Yes, %s is in the %s." % (n, p)) if p == q else "No, %s is in the %s." % (n, p)
    if k == 4:
        v = words(r, r.choice([3, 4]))
        w = r.choice(v) if r.random() < 0.5 else r.choice([x for x in THINGS + ANIMALS if x not in v])
        flat = ", ".join(v[:-1]) + " and " + v[-1]
        return pick(r, "My words are {v}. Is {w} one of them?", "Here are my words: {v}. Is {w} in it?", v=flat, w=w), ("Yes, %s is one of them." % w) if w in v else "No, %s is not one of them." % w
    if k == 5:
        n, g, t, m = name(r), name(r), r.choice(THINGS), name(r)
        return "%s gave a %s to %s. %s" % (n, t, m, "Who gave it?" if r.random() < 0.5 else "Who has it now?"), None, n, m, t
    n, f = name(r), r.choice(FRUITS + FOODS + HOBBIES)
    o, g = name(r), r.choice(FRUITS + FOODS + HOBBIES)
    i = r.random() < 0.5
    return "%s likes %s. %s likes %s. What does %s like?" % (n, f, o, g, n if i else o), "%s likes %s." % ((n, f) if i else (o, g))


def looked_up(r):
    one = lookup(r)
    if len(one) == 2:
        return one
    question, _, giver, taker, thing = one
    return question, ("%s gave the %s to %s." % (giver, thing, taker)) if "Who gave" in question else "%s has the %s now." % (taker, thing)


# ------------------------------------------------------------------ the same in simple Chinese
ZH_GIVEN = "林明红华丽刚美雨月天强花伟芳龙晓琳佳莉文安冬乐圆贝海山河星云雪春夏秋风阳光石木兰梅竹菊米豆果糖南北东西青白金玉飞鱼鸟马牛羊熊虎鹿宝平和静军亮勇杰新思远高亚国家民生永康"
ZH_PLACES = "北京 上海 广州 深圳 南京 杭州 成都 重庆 西安 武汉 天津 青岛 大连 长沙 昆明 苏州 香港 台北 东京 巴黎 伦敦 纽约".split()
ZH_FAV = {"颜色": "红色 蓝色 绿色 黄色 白色 黑色 紫色 粉色 橙色".split(), "动物": "猫 狗 马 熊猫 兔子 老虎 大象 猴子 鸟 鱼 羊 牛 鸭子 狮子 海豚".split(), "水果": "苹果 香蕉 西瓜 葡萄 梨 桃子 草莓 橙子 芒果".split(), "食物": "米饭 面条 饺子 包子 面包 鸡蛋 豆腐 汤 蛋糕".split(), "季节": "春天 夏天 秋天 冬天".split()}


def zh_name(r):
    first, second = r.choice(ZH_GIVEN), r.choice(ZH_GIVEN)
    return r.choice(["小" + first, "小" + first, "阿" + first, first + first, first + second])


def chinese(r):
    n, k = zh_name(r), r.random()
    hello = [r.choice([("你好", "你好！很高兴见到你。"), ("你好！", "你好！我是 Fathom。"), ("您好", "你好！今天好吗？"), ("早上好", "早上好！今天好吗？")])] if r.random() < 0.4 else []
    bye = [(r.choice(["再见", "再见！", "拜拜"]), r.choice(["再见！", "再见，祝你开心！", "下次再聊！"]))] if r.random() < 0.3 else []
    own = [(r.choice(["你叫什么名字？", "你是谁？", "你的名字是什么？"]), r.choice(["我叫 Fathom。", "我是 Fathom，一个小小的语言模型。"]))] if r.random() < 0.3 else []
    if k < 0.45:
        told = [(r.choice(["我叫%s。", "我是%s。", "我的名字叫%s。", "你好，我叫%s。"]) % n, r.choice(["你好，%s！", "%s，很高兴认识你！", "你好，%s！你今天好吗？"]) % n)]
        asked = [(r.choice(["我叫什么名字？", "你记得我的名字吗？", "我是谁？", "我的名字是什么？"]), r.choice(["你叫%s。", "你的名字是%s。"]) % n)]
    elif k < 0.7:
        kind = r.choice(list(ZH_FAV))
        v = r.choice(ZH_FAV[kind])
        told = [("我最喜欢的%s是%s。" % (kind, v), r.choice(["%s很好！" % v, "我也喜欢%s。" % v, "好的，我记住了。"]))]
        asked = [(r.choice(["我最喜欢的%s是什么？", "你记得我最喜欢的%s吗？"]) % kind, "你最喜欢的%s是%s。" % (kind, v))]
    elif k < 0.8:
        c = r.choice(ZH_PLACES)
        told = [(r.choice(["我住在%s。", "我家在%s。"]) % c, r.choice(["%s是个好地方。", "%s好玩吗？"]) % c)]
        asked = [(r.choice(["我住在哪里？", "我家在哪里？"]), "你住在%s。" % c)]
    elif k < 0.9:
        t = "，".join(r.choice(r.choice(list(ZH_FAV.values()))) for _ in range(r.choice([1, 2, 3])))
        return hello + [(r.choice(["请跟我说：%s", "请重复：%s", "说：%s"]) % t, t + "。")]
    else:
        a, b = r.randint(0, 10), r.randint(0, 10)
        return hello + [(r.choice(["%d加%d等于多少？", "%d加%d是多少？"]) % (a, b), "%d加%d等于%d。" % (a, b, a + b))]
    return hello + told + own + asked + bye


def conversation(r):
    k = r.random()
    if k < 0.12:
        return chinese(r)
    if k < 0.50:
        return memory(r)
    if k < 0.53:
        return unknown_memory(r)
    makers = [echo, echo, listing, listing, rewrite, rewrite, looked_up, looked_up, looked_up]
    return [(lambda one: (typed(r, one[0]), one[1]))(r.choice(makers)(r)) for _ in range(r.choice([1, 1, 2, 2, 3]))]


def chats(rng, n):
    out = []
    for _ in range(n):
        messages = []
        for user, answer in conversation(rng):
            messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        lang = "zh" if "\u4e00" <= messages[-1]["content"][0] <= "\u9fff" else "en"
        out.append({"messages": messages, "src": "synth_copy", "lang": lang})
    return out
