# SPDX-License-Identifier: MIT
"""Generated short tales on a wished-for subject, with questions about them, and longer talks that tie the other
generators together (written for this project).

Each tale keeps to its hero: kind and name come from the request where it gives them and return in every second
sentence.
"""
import re

from synth_core import Grammar, an
import synth_copy as copy
import synth_en as en
import synth_fathom as fathom

PERSONS = ("girl boy king queen princess prince pirate farmer baker teacher doctor painter singer dancer sailor fisherman astronaut knight wizard witch clown cook gardener nurse pilot "
           "shepherd tailor giant elf fairy grandmother grandfather baby captain explorer magician detective student").split()
BEASTS = ("mouse rabbit bear fox wolf lion tiger elephant giraffe monkey panda penguin owl eagle parrot frog turtle snail hedgehog squirrel cat dog kitten puppy horse pony cow pig "
          "sheep goat duck chicken bee butterfly ant spider fish whale dolphin shark crab octopus snake crocodile kangaroo koala camel deer dragon unicorn dinosaur bird bat "
          "hamster donkey swan seal otter mole zebra").split()
OBJECTS = ("robot boat train star cloud tree flower kite snowman moon car balloon lamp clock book teapot umbrella shoe hat river mountain bus rocket pumpkin stone bell doll teddy_bear "
           "broom lantern bridge raindrop leaf pencil").replace("_", "-").split()
TRAITS = "brave kind clever shy funny lazy hungry lonely curious happy sleepy tiny small little old young proud quick slow gentle sad lost".split()
PLACES = {"forest": "in the forest", "garden": "in the garden", "river": "by the river", "sea": "by the sea", "hill": "on a hill", "castle": "in a castle", "village": "in a village", "city": "in a big city",
          "farm": "on a farm", "island": "on an island", "mountain": "on a mountain", "desert": "in the desert", "lake": "near a lake", "cave": "in a cave", "meadow": "in a meadow", "school": "near a school", "park": "in the park", "town": "in a small town"}
TREASURES = "key ring bell coin stone shell map box book lamp flute crown feather ball hat egg seed letter mirror drum".split()
GOODS = "cake bread soup apples honey cookies pie pancakes berries pears".split()

G = Grammar({
    "open": ["Once upon a time, there was {a:full} {named}.", "Once there was {a:full} {named}.", "There was once {a:full} {named}.", "Once upon a time, {a:full} {named} lived {where}.", "{Where}, there lived {a:full} {named}."],
    "day": ["One day", "One morning", "One sunny day", "One evening", "One cold morning"],
    "close": ["The {kind} was very happy.", "And the {kind} smiled all day.", "From that day on, {name} and {friend} were good friends.", "{Name} went home with a smile.", "That night, {name} slept very well.", "And they all lived happily ever after."],
    "glad": ["\"Thank you!\" said {name}.", "\"Thank you, {friend}!\" said the {kind}.", "{Name} laughed with joy.", "The {kind} jumped for joy."],
})

# Lines, then questions with answers.
PLOTS = [
    (["{Name} liked to walk {where}. <day>, {name} found {a:color} {thing}.", "\"Whose {thing} is this?\" asked the {kind}. {Name} asked the {beast}, but the {beast} did not know. {Name} asked {afriend} named {friend}. \"It is mine!\" said {friend}. \"I lost it.\"",
      "The {kind} gave the {thing} back. \"You are so kind,\" said {friend}. [They ate {good} together.|They played until the evening.]"],
     [("What did the {kind} find?", "The {kind} found {a:color} {thing}."), ("What color was the {thing}?", "The {thing} was {color}."), ("Who had lost the {thing}?", "{Friend} had lost the {thing}.")]),
    (["{Name} was [all alone|often alone] and wanted a friend. <day>, the {kind} went to the {place}. There sat {afriend}. It was crying.",
      "\"Why are you crying?\" asked {name}. \"I am {friend}, and I can't find my way home,\" said the {fkind}. \"I will help you,\" said the {kind}.", "They walked and walked. At last they saw {friend}'s house. <glad>"],
     [("Who was crying?", "{Friend} was crying."), ("What did the {kind} want?", "The {kind} wanted a friend."), ("Where did the {kind} go?", "The {kind} went to the {place}.")]),
    (["The {kind} loved {good}. <day>, {name} made {good} for everyone. It smelled very good.", "{Friend} the {fkind} came to the door. \"I am so hungry,\" said {friend}. \"Come in and eat with me,\" said {name}.",
      "They ate all the {good}. Then {friend} sang a song for the {kind}. [It was a lovely day.|It was the best day ever.]"],
     [("What did the {kind} make?", "The {kind} made {good}."), ("Who came to the door?", "{Friend} the {fkind} came to the door."), ("What did {friend} do at the end?", "{Friend} sang a song.")]),
    (["{Name} was afraid of the dark. <day>, the sun went down, and the {kind} was still at the {place}. It was very dark.", "\"Who is there?\" asked {name}. \"It is only me,\" said {friend} the {fkind}. \"I have {a:color} lamp. Come with me.\"",
      "They walked home under the stars. \"The dark is not so bad,\" said the {kind}. \"You were very brave, {name},\" said {friend}."],
     [("What was the {kind} afraid of?", "The {kind} was afraid of the dark."), ("What did {friend} have?", "{Friend} had {a:color} lamp."), ("Who helped the {kind}?", "{Friend} helped the {kind}.")]),
    (["{Name} wanted to [fly|dance|sing|swim] very much. \"You can't do that,\" said the {beast}. The {kind} was sad, but did not give up.", "{Name} tried every day. {Friend} the {fkind} helped. \"Try again,\" said {friend}. \"You can do it.\"",
      "<day>, it worked! \"Look at me!\" called {name}. Everyone at the {place} clapped. <glad>"],
     [("Who helped the {kind}?", "{Friend} the {fkind} helped the {kind}."), ("Did the {kind} give up?", "No, {name} did not give up."), ("Who said that {name} can't do it?", "The {beast} said it.")]),
    (["<day>, it rained and rained. The water came up to the house. \"Oh no!\" said the {kind}. {Name} took {a:color} box and made a boat.", "On the way, {name} saw {friend} the {fkind} in a tree. \"Help!\" called {friend}. \"Jump into my boat,\" said the {kind}.",
      "Together they went to the {place}. Then the rain stopped, and the sun came out. <glad>"],
     [("What did the {kind} make?", "The {kind} made a boat."), ("Who was in the tree?", "{Friend} was in the tree."), ("What color was the box?", "The box was {color}.")]),
    (["{Name} had {a:color} {thing}. It was the best {thing} of all. <day>, the {thing} was gone. The {kind} looked everywhere.", "{Name} looked {where} and under the bed. \"Did you see my {thing}?\" the {kind} asked {friend} the {fkind}. \"Yes,\" said {friend}. \"The {beast} has it.\"",
      "\"I am sorry,\" said the {beast}. \"I only wanted to play.\" \"Then let us play together,\" said {name}. So they all played with the {thing}."],
     [("What was gone?", "The {color} {thing} was gone."), ("Who had the {thing}?", "The {beast} had the {thing}."), ("What did they do at the end?", "They all played together.")]),
    (["The {kind} planted a seed {where}. Every day {name} gave it water. Nothing came. \"Wait a little,\" said {friend} the {fkind}.", "<day>, there was a small green leaf. It grew and grew. Soon it had {a:color} flower, as big as the {kind}.",
      "Everyone came to see it. \"How did you do that, {name}?\" they asked. \"I waited,\" said the {kind}, \"and {friend} waited with me.\""],
     [("What did the {kind} plant?", "The {kind} planted a seed."), ("What color was the flower?", "The flower was {color}."), ("Who waited with the {kind}?", "{Friend} waited with the {kind}.")]),
    (["<day>, {name} wanted to see the world. The {kind} took some {good} and {a:color} bag and went away.", "First {name} came to the {place}. There {friend} the {fkind} said, \"Take me with you!\" So they went on together. They saw a big river, a high mountain and {a:beast}.",
      "In the evening they were tired. \"The world is big,\" said {name}, \"but home is best.\" And they went home and ate the {good}."],
     [("What did the {kind} want?", "The {kind} wanted to see the world."), ("Who went with {name}?", "{Friend} went with {name}."), ("What did they eat?", "They ate {good}.")]),
    (["It was {name}'s birthday. But nobody came. The {kind} sat at the window and was sad.", "Then there was a knock at the door. It was {friend} the {fkind} with {a:color} {thing}. \"Happy birthday, {name}!\" said {friend}. The {beast} came too and brought {good}.",
      "They sang and danced until the stars came out. \"This is my best birthday,\" said the {kind}."],
     [("Whose birthday was it?", "It was {name}'s birthday."), ("What did {friend} bring?", "{Friend} brought {a:color} {thing}."), ("What did the {beast} bring?", "The {beast} brought {good}.")]),
    (["<day>, the {kind} saw something {color} at the {place}. It was a little {thing}, and it could talk! \"Good day, {name},\" it said. \"You may have one wish.\"", "{Name} thought for a while. \"I wish for a friend,\" said the {kind}. There was a flash, and there stood {friend} the {fkind}.",
      "\"Shall we play?\" asked {friend}. \"Yes!\" said {name}. And they played all day."],
     [("What could talk?", "The {thing} could talk."), ("What did the {kind} wish for?", "The {kind} wished for a friend."), ("Who came?", "{Friend} the {fkind} came.")]),
    (["The {kind} could not sleep. {Name} turned to the left and to the right. The moon was so bright.", "{Name} went out and met {friend} the {fkind}. \"I can't sleep,\" said the {kind}. \"Then listen to the wind,\" said {friend}. They sat {where} and listened.",
      "The wind sang softly. The {kind} closed both eyes. \"Good night, {name},\" said {friend}."],
     [("Why did the {kind} go out?", "The {kind} could not sleep."), ("Who did the {kind} meet?", "The {kind} met {friend} the {fkind}."), ("What did they listen to?", "They listened to the wind.")]),
    (["{Name} had a small boat with {a:color} sail. <day>, the wind took the boat far away, to an island where nobody lived. \"Hello?\" called the {kind}. \"Hello?\" said the island. It was only the echo.",
      "Then {afriend} came out from behind a stone. \"I am {friend},\" it said. \"I thought that I was the only one here.\" \"Now we are two,\" said {name}, and they shared the last {good}.",
      "In the morning the wind turned. The {kind} and {friend} sailed home together."],
     [("What color was the sail?", "The sail was {color}."), ("Who lived on the island?", "{Friend} the {fkind} lived on the island."), ("What did they share?", "They shared the last {good}.")]),
    (["The {kind} had never seen snow. <day>, everything was white. \"Who has painted the world?\" asked {name}.", "\"That is snow,\" said {friend} the {fkind}. \"Come, I will show you.\" They made a big snowman and gave it {a:color} hat. The {kind} laughed and laughed.",
      "Then the sun came out, and the snowman became small. \"Don't be sad,\" said {friend}. \"It will come back next winter.\""],
     [("What had the {kind} never seen?", "The {kind} had never seen snow."), ("What did they make?", "They made a snowman."), ("What color was the hat?", "The hat was {color}.")]),
    (["{Name} was very small, and the others did not let the {kind} play. \"You are too small,\" said the {beast}.", "<day>, {friend} the {fkind} lost {a:thing} in a deep, narrow hole. The {beast} was too big to get it. \"Let me try,\" said {name}. In went the {kind}, and out it came with the {thing}.",
      "\"It is good to be small,\" said {name}. After that, everyone wanted to play with the {kind}."],
     [("What did {friend} lose?", "{Friend} lost {a:thing}."), ("Who got the {thing}?", "{Name} got the {thing}."), ("Why did the others not let the {kind} play?", "The {kind} was very small.")]),
    (["The {kind} loved to sing, but only when nobody listened. <day>, {name} sang at the {place}. {Friend} the {fkind} was sitting there, very still.", "\"What a lovely song!\" said {friend}. The {kind} turned red. \"Will you sing it for all of us?\"",
      "In the evening, everybody came. {Name} looked at {friend} and began to sing. Even the {beast} had to cry a little, because it was so nice."],
     [("What did the {kind} love?", "The {kind} loved to sing."), ("Who heard the song?", "{Friend} the {fkind} heard the song."), ("Who had to cry a little?", "The {beast} had to cry a little.")]),
    (["<day>, {name} found {a:color} egg. \"Somebody must keep it warm,\" said the {kind}. So {name} sat down beside it and waited, all day and all night.", "\"Come and play!\" called {friend} the {fkind}. \"I can't,\" said the {kind}. \"Then I will wait with you,\" said {friend}.",
      "Crack! A little {beast} looked out of the egg. \"Mama?\" it said. {Name} smiled. \"No, I am your friend,\" said the {kind}."],
     [("What did the {kind} find?", "The {kind} found {a:color} egg."), ("What was in the egg?", "A little {beast} was in the egg."), ("Who waited with {name}?", "{Friend} waited with {name}.")]),
    (["<day>, the {kind} broke {friend}'s {color} {thing}. Nobody had seen it. {Name} hid it and went home, but could not eat and could not sleep.", "In the morning, {name} went to {friend} the {fkind}. \"I broke your {thing}. I am so sorry,\" said the {kind}.",
      "{Friend} thought for a while. \"Thank you for telling me,\" said {friend}. They mended the {thing} together, and {name} could sleep again."],
     [("What did the {kind} break?", "The {kind} broke {friend}'s {color} {thing}."), ("What did the {kind} say to {friend}?", "The {kind} said, \"I am so sorry.\""), ("What did they do together?", "They mended the {thing} together.")]),
]
ASK = ["Tell me a story about {w}.", "Tell me a story about {w}.", "Tell me a tale about {w}.", "Can you tell me a story about {w}?", "Please tell me a story about {w}.", "I want a story about {w}.", "I want to hear a story about {w}.", "Write a short story about {w}.", "A story about {w}, please.",
       "Write a story about {w}.", "Tell me a short story about {w}.", "Tell me a bedtime story about {w}.", "Do you know a story about {w}?", "Make up a story about {w}.", "Once more, but about {w}."]
ASK_ANY = ["Tell me a story.", "Can you tell me a story?", "A story, please.", "Tell me a short story.", "Please tell me a story.", "I want to hear a story.", "Do you know a story?", "Tell me a bedtime story.", "Write a short story."]
AGAIN = ["Another one, please.", "Tell me another story.", "One more!", "Another story!", "Tell me one more."]


def tale(r):
    """(request, tale, [(question, answer)])"""
    kind = copy.made_up(r) if r.random() < 0.06 else r.choice(r.choice([PERSONS, BEASTS, BEASTS, OBJECTS, copy.THINGS]))
    c = {"kind": kind, "name": copy.name(r), "friend": copy.name(r), "color": r.choice(copy.COLORS), "thing": r.choice(TREASURES), "good": r.choice(GOODS)}
    while c["friend"] == c["name"]:
        c["friend"] = copy.name(r)
    c["fkind"] = r.choice([x for x in BEASTS if x != c["kind"]])
    c["afriend"] = an(r.choice(["little ", "small ", ""]) + c["fkind"])
    c["beast"] = r.choice([x for x in BEASTS if x not in (c["kind"], c["fkind"])])
    c["place"], c["where"] = r.choice(list(PLACES.items()))
    trait = r.choice(TRAITS)
    c["full"] = (trait + " " if r.random() < 0.6 else "") + c["kind"]
    c["named"] = r.choice(["named ", "called "]) + c["name"]
    wish = r.random()
    if wish < 0.16:
        request = r.choice(ASK_ANY)
    elif wish < 0.5:
        request = r.choice(ASK).replace("{w}", an(c["full"]) if r.random() < 0.85 else "the " + c["kind"])
    elif wish < 0.72:
        request = r.choice(ASK).replace("{w}", an(c["kind"]) + " " + c["named"])
    elif wish < 0.82:
        request = r.choice(ASK).replace("{w}", c["name"] + " the " + c["kind"])
    elif wish < 0.9:
        request = r.choice(ASK).replace("{w}", "%s and %s" % (an(c["kind"]), an(c["fkind"])))
    else:
        request = r.choice(ASK).replace("{w}", "%s %s" % (an(c["full"]), c["where"]))
    lines, questions = r.choice(PLOTS)
    text = G.text(["<open>", lines[0], "/", lines[1], "/", lines[2], "<close>"] if r.random() < 0.7 else ["<open>"] + lines + ["<close>"], c, r)
    questions = questions + [("What was the name of the {kind}?", "The name of the {kind} was {name}."), ("What was the {kind} called?", "The {kind} was called {name}."), ("Who is the story about?", "It is about {a:kind} named {name}."), ("Who was {friend}?", "{Friend} was {a:fkind}.")]
    return request, text, [(G.expand(q, c, r), G.expand(a, c, r)) for q, a in questions]


def tale_talk(r):
    request, text, questions = tale(r)
    if r.random() < 0.25:
        text = r.choice(["Sure! ", "Okay! ", "Of course! ", "Here is a story. "]) + text
    out = [(copy.typed(r, request), text)]
    k = r.random()
    if k < 0.55:
        out += [(copy.typed(r, q), a) for q, a in r.sample(questions, r.choice([1, 1, 2, 3]))]
    elif k < 0.75:
        out.append((copy.pick(r, "Thank you!", "I like this story.", "That was nice.", "What a nice story!", "Good story!"), copy.pick(r, "I am glad you liked it! Do you want to hear another one?", "I am happy that you like it! Shall I tell you another story?")))
        if r.random() < 0.6:
            out.append((copy.pick(r, "Yes, please.", "Yes", "Yes, please!", "Sure"), tale(r)[1]))
    elif k < 0.85:
        out.append((r.choice(AGAIN), tale(r)[1]))
    return out


# ------------------------------------------------------------------ single questions in rows
def sums(r):
    k = r.random()
    if k < 0.6:
        a, b = r.randint(0, 10), r.randint(0, 10)
        word, sign, n = "plus", "+", a + b
    elif k < 0.85:
        a = r.randint(1, 20)
        b = r.randint(0, min(a, 10))
        word, sign, n = "minus", "-", a - b
    else:
        a, b = r.randint(1, 10), r.randint(1, 10)
        word, sign, n = "times", "x", a * b
    if r.random() < 0.6:
        return copy.pick(r, "What is %d %s %d?" % (a, word, b), "How much is %d %s %d?" % (a, word, b), "%d %s %d" % (a, word, b)), "%d %s %d is %d." % (a, word, b, n)
    return copy.pick(r, "%d %s %d" % (a, sign, b), "What is %d %s %d?" % (a, sign, b), "%d %s %d = ?" % (a, sign, b)), "%d %s %d = %d" % (a, sign, b, n)


# thing: what it is, what it is not
IS = {"fire": ("hot", "cold"), "ice": ("cold", "hot"), "sugar": ("sweet", "sour"), "a lemon": ("sour", "sweet"), "a stone": ("hard", "soft"), "a pillow": ("soft", "hard"), "a feather": ("light", "heavy"), "an elephant": ("big", "small"), "an ant": ("small", "big"), "the night": ("dark", "bright"), "the sun": ("bright", "dark"),
      "water": ("wet", "dry"), "the desert": ("dry", "wet"), "a snail": ("slow", "fast"), "a rocket": ("fast", "slow"), "a mountain": ("high", "low"), "a giraffe": ("tall", "short"), "a whale": ("heavy", "light"), "honey": ("sweet", "sour"), "thunder": ("loud", "quiet"), "a mouse": ("quiet", "loud"), "snow": ("cold", "warm"), "summer": ("warm", "cold"), "a knife": ("sharp", "soft")}


def yes_or_no(r):
    if r.random() < 0.5:
        thing = r.choice(list(IS))
        true, asked = IS[thing][0], r.choice(IS[thing])
    else:
        thing = r.choice([x for x in en.COLOR_OF if " or " not in en.COLOR_OF[x] and x not in ("leaves in summer", "rain clouds")])
        true = en.COLOR_OF[thing]
        asked = true if r.random() < 0.5 else r.choice([x for x in copy.COLORS if x not in true])
    question = "Is %s %s?" % (thing, asked)
    if r.random() < 0.4:
        return copy.pick(r, "{q} Answer yes or no.", "Yes or no: {q}", "{q} Say yes or no.", q=question), "Yes." if asked == true else "No."
    return question, ("Yes, %s is %s." if asked == true else "No, %s is %s.") % (thing, true)


FACTS = [en.q_animal, en.q_animal, en.q_animal, en.q_capital, en.q_capital, en.q_color, en.q_opp, en.q_def, en.q_def, en.q_sci, en.q_sci, en.q_list, en.q_list, en.q_job, en.q_order, en.q_count, en.q_isa, sums, sums, sums, sums, en.q_wordmath, yes_or_no, yes_or_no]


def facts(r):
    """Questions of fact in a row, of many kinds or of one."""
    makers = [r.choice(FACTS)] * 4 if r.random() < 0.3 else r.sample(FACTS, 4)
    if r.random() < 0.4:  # who it is, what it can do, jokes, advice, what is too hard
        makers[r.randrange(2)] = en.single
    return [(copy.typed(r, q), a) for q, a in (make(r) for make in makers[: r.choice([1, 1, 2, 3, 4])])]


# ------------------------------------------------------------------ talks of several turns
OPEN = [("Hello!", "Hello! How are you today?"), ("Hi", "Hi! How can I help you?"), ("Hi there!", "Hi there! I am Fathom."), ("Good morning!", "Good morning! How are you?"), ("Hello Fathom!", "Hello! It is nice to see you."), ("Hey", "Hey! Nice to see you."), ("Good evening.", "Good evening! How was your day?")]


def reply(r, s, bot):
    """The user's answer to a question of ours, and what follows; nothing where we have none."""
    if re.search("(another one|another story|hear a story|bedtime story|tell you one)\\?$", bot):
        if r.random() < 0.8:
            return [(copy.pick(r, "Yes, please.", "Yes", "yes please", "Sure!", "Okay.", "Please do."), r.choice(["", "Okay! ", "Sure! "]) + tale(r)[1])]
        return [(copy.pick(r, "No, thank you.", "no", "Not now."), copy.pick(r, "Okay! What would you like to do?", "All right. I am here if you need me."))]
    return copy.follow(r, bot) or en.cont(r, s, bot)


def answered(r, s, exchanges):
    """The exchanges with, most of the time, the user's answers to our own questions between them."""
    out = []
    for exchange in exchanges:
        out.append(exchange)
        for _ in range(2):
            if not out[-1][1].endswith("?") or r.random() < 0.3:
                break
            out += reply(r, s, out[-1][1])
    return out


def talk(r):
    """Greeting, the user's name and likings, a question or a tale, a question about what was said, farewell."""
    s, told = {}, []
    out = answered(r, {"name": ""}, [r.choice(OPEN)]) if r.random() < 0.75 else []
    makers = r.sample([copy.m_name, copy.m_name, copy.m_fav, copy.m_pet, copy.m_city, copy.m_family, copy.m_thing], r.choice([1, 1, 2]))
    for make in dict.fromkeys(makers):
        one = make(r, s)
        told.append(one)
        out += answered(r, {"name": ""}, [(copy.typed(r, one[0]), one[1])])
    for _ in range(r.choice([1, 1, 2])):
        k = r.random()
        if k < 0.2:
            more = facts(r)[:1]
        elif k < 0.4:
            more = [en.single(r)]
        elif k < 0.5:
            more = fathom.turn(r, r.choice(fathom.ENGLISH))
        elif k < 0.6:
            joke = r.choice(en.JOKES)
            more = [(copy.pick(r, "Tell me a joke.", "Do you know a joke?", "A joke, please."), " ".join(joke)), (copy.pick(r, "Haha!", "That is funny.", "Good one!", "I don't get it."), copy.pick(r, "I am glad you like it! I know more jokes.", "Haha! I like that one too."))]
        elif k < 0.65:
            more = en.d_riddle(r, {})
        elif k < 0.8:
            more = [copy.filler(r, s)]
        else:
            more = tale_talk(r)[:2]
        out += answered(r, {"name": ""}, more)
    for one in r.sample(told, r.randint(1, len(told))):
        out.append((copy.typed(r, one[2]), one[3]))
    if r.random() < 0.5:
        end = ", " + s["name"] if "name" in s and r.random() < 0.7 else ""
        out.append((copy.pick(r, "Bye!", "Goodbye.", "I have to go now.", "See you!", "Good night!", "Thank you, bye!"), copy.pick(r, "Goodbye%s! It was nice talking to you." % end, "Bye%s! Have a nice day!" % end, "See you soon%s!" % end)))
    return out


def long_talk(r, wanted=None):
    """Things told at the beginning are asked for again and again, between tales and questions: up to about 8,000 tokens,
    or `wanted` characters.
    """
    s = {}
    makers = dict.fromkeys(r.sample([copy.m_name, copy.m_fav, copy.m_pet, copy.m_city, copy.m_family], 3))
    told = [make(r, s) for make in makers]
    out = [(copy.typed(r, one[0]), one[1]) for one in told]
    size, wanted = 0, wanted or r.randint(4000, 32000)  # characters
    while size < wanted:
        more = tale_talk(r) if r.random() < 0.7 else facts(r)
        if r.random() < 0.25:
            one = r.choice(told)
            more.append((copy.typed(r, one[2]), one[3]))
        size += sum(len(user) + len(answer) for user, answer in more)
        out += more
    return out + [(copy.typed(r, one[2]), one[3]) for one in told]


def dialogues(make, source):
    def chats(rng, n):
        out = []
        for _ in range(n):
            messages = []
            for user, answer in make(rng):
                messages += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
            chinese = re.search("[\u4e00-\u9fff]", "".join(m["content"] for m in messages))
            out.append({"messages": messages, "src": source, "lang": "en-zh" if chinese else "en"})
        return out

    return chats


tales = dialogues(tale_talk, "synth_tales")
questions = dialogues(facts, "synth_facts")
talks = dialogues(talk, "synth_talk")
long_talks = dialogues(long_talk, "synth_long")
