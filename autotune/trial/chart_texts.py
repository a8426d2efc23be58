"""The two prompts of the usual chart: plain prose, as a person would write to a chat."""

from __future__ import annotations

SHORT_PROMPT = """\
Please write a short story about a lighthouse keeper who finds an old letter in the wall of her \
kitchen while she mends it before winter. Begin with the weather and the sound of the sea, tell \
who wrote the letter and to whom it was never sent, and let her decide at the end whether she \
will send it after all. Write in the past tense, in calm and simple sentences, without headings \
or lists, and do not repeat yourself: every paragraph should bring something new."""
"""About a hundred tokens that ask for a long reply."""

LONG_PROMPT = """\
Read the following account and say in one sentence what it is about.

The ferry to the northern islands leaves twice a week, on Tuesday before dawn and on Friday in \
the afternoon, and whoever misses it may as well go home and plan another month. I had a ticket \
for the early boat, two crates of instruments and a letter for the schoolmaster, who had promised \
me a room above the harbour office. The night was clear. Men with lanterns loaded sacks of flour, \
a dismantled loom and eleven sheep, which took no interest in the proceedings. Nobody asked what \
was in the crates, although one of them ticked.

We passed the last buoy at six. The captain, a short woman with a grey braid, kept her coffee on \
the compass housing and told me that the passage had three moods. In the first one the swell comes \
from behind and the ship feels young. In the second the currents meet under the cliffs, and you \
learn how well your breakfast was cooked. The third she would not describe. It had happened to her \
twice in thirty years, she said, and both times the sheep had known it an hour before.

Towards noon the islands rose out of the haze, first as a darker strip, then as a row of flat \
hills with a chapel on the nearest. There were fewer houses than I had imagined, and more of them \
were painted yellow. On the pier stood the schoolmaster with a handcart, a dog, and most of his \
pupils, since the arrival of a barometer was reckoned as a lesson. They carried the crates up the \
hill in turns and counted the steps aloud in two languages.

My work was simple enough. Four times a day I read the pressure, the temperature and the direction \
of the wind, wrote them into a ledger and walked to the point to look at the clouds. In return for \
the room I explained thunder, tides and the moon to children who had seen more of all three than I \
ever would. In November they taught me to smell snow. By the end of that winter the ledger held \
five hundred rows, and not one of them had foretold a storm earlier than the old woman in the \
chapel house, who only looked at her cat and closed the shutters."""
"""About five hundred tokens that want a short reply."""
