Feature: Waits
  `wait` pauses for a duration, whatever the clocks on walls do. `waitUntil` pauses until a time of the calendar, or
  until a window of the week is open, by the clocks of a zone.

  Scenario Outline: A pause takes exactly as long as it says
    Given the workflow "pause":
      """
      do:
        - rest: {wait: <duration>}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "pause" is started
    And <before> pass
    Then nothing was called
    When 1 second passes
    Then the action "ring:1.0.0" was called once, after <seconds> seconds

    Examples:
      | duration               | before        | seconds |
      | {seconds: 3}           | 2 seconds     | 3       |
      | {minutes: 1}           | 59 seconds    | 60      |
      | {hours: 1, minutes: 5} | 3899 seconds  | 3900    |
      | PT1H5M                 | 3899 seconds  | 3900    |
      | P1D                    | 86399 seconds | 86400   |
      | {days: 400}            | 34559999 seconds | 34560000 |

  Scenario: A duration may be calculated
    Given the workflow "pause":
      """
      do:
        - rest: {wait: '${ "PT\(.minutes)M" }'}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "pause" is started with: {minutes: 3}
    And 5 minutes pass
    Then the action "ring:1.0.0" was called once, after 180 seconds

  Scenario: A day of waiting is 24 hours, also when clocks change
    Given the workflow "pause":
      """
      do:
        - rest: {wait: {days: 1}}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    And it is "2026-03-28T08:00:00Z"
    When "pause" is started
    And 2 days pass
    Then the action "ring:1.0.0" was called at "2026-03-29T08:00:00Z"

  Scenario: A wait that ends while the engine is down ends when it is back
    Given the workflow "pause":
      """
      do:
        - rest: {wait: {hours: 1}}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "pause" is started
    And the engine is down for 3 hours
    Then the action "ring:1.0.0" was called once, after 10800 seconds

  Scenario Outline: Until a time, by the clocks of a zone
    Given the workflow "remind":
      """
      do:
        - until:
            call: waitUntil:1.0.0@default
            with: {at: '<at>', timezone: <zone>}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "remind" is started
    And 300 days pass
    Then the action "ring:1.0.0" was called at "<rings>"

    Examples:
      | at                        | zone                | rings                | because                          |
      | 2026-06-01T09:00:00Z      | Europe/Berlin       | 2026-06-01T09:00:00Z | it names its own offset          |
      | 2026-06-01T09:00:00+02:00 | UTC                 | 2026-06-01T07:00:00Z | it names its own offset          |
      | 2026-06-01T09:00:00       | Europe/Berlin       | 2026-06-01T07:00:00Z | it is summer there               |
      | 2026-12-01T09:00:00       | Europe/Berlin       | 2026-12-01T08:00:00Z | it is winter there               |
      | 2026-06-01                | Asia/Tokyo          | 2026-05-31T15:00:00Z | a date is its midnight           |
      | 2026-03-29T02:30:00       | Europe/Berlin       | 2026-03-29T01:00:00Z | the hour from two to three is left out |
      | 2026-10-25T02:30:00       | Europe/Berlin       | 2026-10-25T00:30:00Z | the first of two                 |
      | 2026-03-08T02:30:00       | America/New_York    | 2026-03-08T07:00:00Z | the hour from two to three is left out |
      | 2026-11-01T01:30:00       | America/New_York    | 2026-11-01T05:30:00Z | the first of two                 |
      | 2026-10-04T02:15:00       | Australia/Lord_Howe | 2026-10-03T15:30:00Z | half an hour is left out         |

  Scenario: The document may name the zone, and the time may be calculated
    Given the workflow "remind":
      """
      document: {metadata: {tidemill: {timezone: Europe/Berlin}}}
      do:
        - until:
            call: waitUntil:1.0.0@default
            with: {at: '${ .appointment.day + "T09:00:00" }'}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "remind" is started with: {appointment: {day: "2026-07-01"}}
    And 200 days pass
    Then the action "ring:1.0.0" was called at "2026-07-01T07:00:00Z"

  Scenario Outline: A time that has gone by
    Given the workflow "remind":
      """
      do:
        - list:
            do:
              - until:
                  call: waitUntil:1.0.0@default
                  with: {at: '<at>', pastDue: <policy>}
              - ring: {call: 'ring:1.0.0', with: {}}
        - after: {call: 'after:1.0.0', with: {}}
      """
    And it is "2026-04-01T12:00:00Z"
    When "remind" is started for "ada"
    Then the action "ring:1.0.0" was called <rings>
    And the action "after:1.0.0" was called <goes on>
    And the execution for "ada" <ending>

    Examples:
      | at                   | policy   | rings | goes on | ending                                          |
      | 2026-04-01T11:59:59Z | continue | once  | once    | has completed                                   |
      | 2026-04-01T11:59:59Z | skip     | never | once    | has completed                                   |
      | 2026-04-01T11:59:59Z | fault    | never | never   | has faulted with status 408 at "/do/0/list/do/0/until" |
      | 2026-04-01T12:00:00Z | skip     | once  | once    | has completed                                   |
      | 2026-04-01T12:00:00Z | fault    | once  | once    | has completed                                   |
      | 2026-04-01T12:00:01Z | fault    | never | never   | is waiting                                      |

  Scenario: Without a policy a time that has gone by is no hindrance
    Given the workflow "remind":
      """
      do:
        - until: {call: 'waitUntil:1.0.0@default', with: {at: '2020-01-01T00:00:00Z'}}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "remind" is started
    Then the action "ring:1.0.0" was called once, after 0 seconds

  Scenario Outline: Until a window is open
    Given the workflow "call":
      """
      do:
        - hours:
            call: waitUntil:1.0.0@default
            with: {window: <window>, timezone: Europe/Berlin}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    And it is "<now>"
    When "call" is started
    And 7 days pass
    Then the action "ring:1.0.0" was called at "<rings>"

    Examples:
      | window                                         | now                  | rings                | because                     |
      | {days: [weekdays], from: "09:00", to: "17:00"} | 2026-03-06T10:00:00Z | 2026-03-06T10:00:00Z | it is open                  |
      | {days: [weekdays], from: "09:00", to: "17:00"} | 2026-03-06T16:00:00Z | 2026-03-09T08:00:00Z | it has closed for the weekend |
      | {days: [weekdays], from: "09:00", to: "17:00"} | 2026-03-28T12:00:00Z | 2026-03-30T07:00:00Z | clocks have changed meanwhile |
      | {days: [fri], from: "22:00", to: "06:00"}      | 2026-03-07T03:00:00Z | 2026-03-07T03:00:00Z | Friday's night is not over  |
      | {from: "02:30", to: "04:00"}                   | 2026-03-29T00:00:00Z | 2026-03-29T01:00:00Z | it opens at the end of the gap |
      | {from: "02:00", to: "03:00"}                   | 2026-03-29T00:00:00Z | 2026-03-30T00:00:00Z | it lies within the gap      |

  Scenario: A wait that began keeps its time when the engine dies
    Given the workflow "remind":
      """
      do:
        - until: {call: 'waitUntil:1.0.0@default', with: {at: '2026-03-29T08:00', timezone: Europe/Berlin}}
        - ring: {call: 'ring:1.0.0', with: {}}
      """
    When "remind" is started
    And the engine dies and starts again
    And the clock in "Europe/Berlin" reaches "2026-03-29T07:59:59"
    Then nothing was called
    When the clock in "Europe/Berlin" reaches "2026-03-29T08:00:00"
    Then the action "ring:1.0.0" was called at "2026-03-29T06:00:00Z"
