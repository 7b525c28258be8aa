"""Prompts of many kinds: code, reasoning, everyday matters; short and long, plain and hard to tell apart."""

MIXED = (
    "Write a Python function that merges two sorted lists without using sorted(), with type hints.",
    "What is the capital of Australia?",
    "A train leaves at 9:40 at 80 km/h, another at 10:10 at 110 km/h on the same line. When does the second "
    "catch up with the first, and how far from the station?",
    "Can you make this mail to my landlord sound friendlier? The heating has been off since Tuesday, nobody "
    "has called back, and I would like to know when somebody is going to look at it. I do not want to "
    "threaten anybody, but it should be clear that I expect an answer this week.",
    "Our nightly job fails with 'KeyError: user_id' after the deploy, but only for accounts that were merged "
    'last month. Here is the trace:\n\nTraceback (most recent call last):\n  File "jobs/report.py", line 88, '
    "in run\n    rows[record['user_id']].append(record)\nKeyError: 'user_id'\n\nWhat should I look at first?",
    "Prove that the sum of two odd numbers is even.",
    "thanks, that helps!",
    "Give me five names for a small bakery that sells rye bread.",
    "Wie schreibe ich in SQL eine Abfrage, die zu jedem Kunden nur die letzte Bestellung liefert?",
    "Summarize the causes of the French Revolution in four sentences for a class of twelve-year-olds.",
    "If all bloops are razzies and some razzies are lazzies, must some bloops be lazzies? Explain.",
    "Compare renting and buying a flat for somebody who will move within six years, has 60,000 saved and can "
    "put aside 1,200 a month; interest is at 3.8 percent.",
    "now do it in Rust",
    "What should I cook tonight with leeks, eggs and half a jar of capers?",
    "Refactor this so that it does not block the event loop: for url in urls: "
    "results.append(requests.get(url))",
    "Plan a weekend in Lisbon with a toddler: two museums at most, and nothing before ten in the morning.",
)
